/** The published report of a session, as `--json` ends with it. */

/** path: for people; path_base64 only where its bytes are no UTF-8. */
export interface PathFields {
  path: string;
  path_base64?: string | null;
}

export interface ProblemRow extends Partial<PathFields> {
  kind: string;
  text: string;
  device?: string;
}

export interface ObjectReport {
  name: string;
  client: string;
  object_id: string;
  version: number;
  outcome: string;
  copies_durable: number;
  copies_required: number;
  files: number;
  bytes_source: number;
  bytes_read: number;
  bytes_new: number;
}

export interface DeviceReport {
  name: string;
  agent: string;
  role: string;
  level: number;
  node: string;
  state: string;
  bytes_written: number;
  frames: number;
  syncs: number;
}

export interface MediumUse {
  device: string;
  medium: string;
  location: string;
  node: string;
  reachable: boolean;
  fault: string;
  busy_with: string;
  verified_ns: string | number | null;
  frames: number;
  bytes_read: number;
  reasons: Record<string, number>;
}

export interface Detour {
  frame: string;
  taken_from: string;
  failures: string[];
}

export interface Explanation {
  media: MediumUse[];
  detours: Detour[];
}

export interface Report {
  outcome: string;
  exit_code: number;
  session: string;
  kind: string;
  graph: string;
  engine: string;
  duration_seconds: number;
  start_seconds: number;
  files: number;
  bytes_source: number;
  bytes_read: number;
  bytes_new: number;
  bytes_known: number;
  bytes_deduplicated: number;
  bytes_packed: number;
  objects: ObjectReport[];
  devices: DeviceReport[];
  problems: ProblemRow[];
  stages?: Report[];
  explanation?: Explanation | null;
}

export interface SessionRow {
  session: string;
  kind: string;
  graph: string;
  host: string;
  state: string;
  started_ns: string | number;
  finished_ns: string | number | null;
  outcome: string | null;
  exit_code: number | null;
  engine: string;
  duration_seconds: number;
  files: number;
  bytes_source: number;
  bytes_read: number;
  bytes_new: number;
  problems: number;
}

/** versions: what it has made, as in "web/site@3". */
export interface SessionDetail {
  row: SessionRow;
  devices: DeviceReport[];
  problems: ProblemRow[];
  versions: string[];
  command: string;
  graph_text: string;
}

export type LightState = "success" | "incomplete" | "failed" | "unverified" | "never" | "running";

/** The light of a session: what was interrupted has failed, until it is run again. */
export function sessionLight(row: Pick<SessionRow, "state" | "outcome">): LightState {
  if (row.outcome === "success" || row.outcome === "incomplete" || row.outcome === "failed")
    return row.outcome;
  return row.state === "running" ? "running" : "failed";
}

/** What one says of it in a word. */
export function sessionWord(row: Pick<SessionRow, "state" | "outcome">): string {
  return row.outcome ?? row.state;
}

/** A report and those of the stages behind it. */
export function parts(report: Report): Report[] {
  return [report, ...(report.stages ?? [])];
}

/** How many problems of each kind, the most frequent first. */
export function problemCounts(problems: readonly { kind: string }[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const problem of problems) counts.set(problem.kind, (counts.get(problem.kind) ?? 0) + 1);
  return [...counts].sort((one, other) => other[1] - one[1]);
}
