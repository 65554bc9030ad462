/** Entries of a version as the server lists them, and ways through a tree of them. */

import type { PathFields } from "../sessions/report";

export type Nanoseconds = string | number;

export interface Entry extends PathFields {
  kind: string;
  mode: string;
  uid: number;
  gid: number;
  owner: string;
  group: string;
  size: number;
  mtime_ns: Nanoseconds;
  links: number;
  problem: string;
  target?: string | null;
}

export interface Version {
  client: string;
  name: string;
  version: number;
  object_id: string;
  session: string;
  outcome: string;
  finished_ns: Nanoseconds;
  entries: number;
  files: number;
  bytes_source: number;
  copies_durable: number | null;
}

export interface Found extends Entry {
  client: string;
  name: string;
  versions: number[];
  object_id?: string;
}

export interface HistoryRow {
  client: string;
  name: string;
  versions: number[];
  change: string;
  aspects: string[];
  finished_ns: Nanoseconds;
  entry: Entry | null;
  object_id?: string;
}

/** The folders above and the path itself, as (name, path), from the root on. */
export function crumbs(path: string): { name: string; path: string }[] {
  if (path === "") return [];
  const names = path.split("/");
  return names.map((name, place) => ({ name, path: names.slice(0, place + 1).join("/") }));
}

/** Directories first, then by name, as a person looks for them. */
export function inOrder(entries: readonly Entry[]): Entry[] {
  const rank = (entry: Entry) => (entry.kind === "directory" ? 0 : 1);
  return [...entries].sort(
    (one, other) =>
      rank(one) - rank(other) || (one.path < other.path ? -1 : one.path > other.path ? 1 : 0),
  );
}

/** "1-3, 5": numbers of versions. */
export function versionsText(numbers: readonly number[]): string {
  const sorted = [...numbers].sort((one, other) => one - other);
  const runs: [number, number][] = [];
  for (const number of sorted) {
    const last = runs.at(-1);
    if (last && number <= last[1] + 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([first, last]) => (first === last ? `${first}` : `${first}–${last}`)).join(", ");
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** How a path is sent: its bytes where its text does not say them. */
export function sent(path: PathFields): Record<string, string> {
  return path.path_base64
    ? { path: path.path, path_base64: path.path_base64 }
    : { path: path.path };
}
