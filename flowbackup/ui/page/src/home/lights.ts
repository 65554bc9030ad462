/** The first look: one light for each object, and the worst of them for all. */

import type { LightState } from "../sessions/report";

export interface HomeRow {
  client: string;
  object: string;
  light: LightState;
  /** Why the light is as it is. */
  why: string;
  last_good_ns: string | number | null;
  last_verified_ns: string | number | null;
  copies_durable: number | null;
  copies_wanted: number | null;
  next_run_ns: string | number | null;
  bytes: number | null;
}

const WORST_FIRST: LightState[] = [
  "failed",
  "incomplete",
  "never",
  "unverified",
  "running",
  "success",
];

/** What asks for a look stands above. */
export function worstFirst(rows: readonly HomeRow[]): HomeRow[] {
  const rank = (row: HomeRow) => WORST_FIRST.indexOf(row.light);
  return [...rows].sort(
    (one, other) =>
      rank(one) - rank(other) ||
      one.client.localeCompare(other.client) ||
      one.object.localeCompare(other.object),
  );
}

export function counts(rows: readonly HomeRow[]): [LightState, number][] {
  return WORST_FIRST.map((light): [LightState, number] => [
    light,
    rows.filter((row) => row.light === light).length,
  ]).filter(([, count]) => count > 0);
}

/** One sentence over all. */
export function headline(rows: readonly HomeRow[]): string {
  if (rows.length === 0) return "Nothing was backed up yet";
  const found = new Map(counts(rows));
  const bad = found.get("failed") ?? 0;
  if (bad) return `${bad === 1 ? "One object has" : `${bad} objects have`} no good backup`;
  const part = (found.get("incomplete") ?? 0) + (found.get("never") ?? 0);
  if (part) return `${part === 1 ? "One object is" : `${part} objects are`} not complete`;
  const unverified = found.get("unverified") ?? 0;
  if (unverified === rows.length) return "Everything is backed up; nothing was read back yet";
  if (unverified)
    return `Everything is backed up; ${unverified} of ${rows.length} not read back yet`;
  return "Everything is backed up and was read back";
}

/** "2 of 3"; copies that are wanted and are not there are never passed over. */
export function copiesText(row: HomeRow): string {
  if (row.copies_durable == null) return "unknown";
  return row.copies_wanted == null
    ? String(row.copies_durable)
    : `${row.copies_durable} of ${row.copies_wanted}`;
}

export function lacksCopies(row: HomeRow): boolean {
  return (
    row.copies_durable != null &&
    row.copies_wanted != null &&
    row.copies_durable < row.copies_wanted
  );
}
