/** What the server tells of one run: a session in a process of its own. */

import type { ProblemRow, Report } from "../sessions/report";

export interface EdgeNow {
  name: string;
  source: string;
  target: string;
  level: number;
  bytes_moved: number;
  bytes_durable: number;
  bytes_per_second: number;
  slots_used: number;
  slots: number;
  state: string;
  waiting_for: string;
  waiting_seconds: number;
}

export type RunPhase = "starting" | "running" | "finished" | "interrupted";
export type Change = "cancel" | "pace" | "attach" | "detach";

export interface RunError {
  kind: string;
  message: string;
  remedy?: string | null;
  findings?: unknown[] | null;
}

/** Totals are null while they are unknown; `report` stands there when it has ended.  id: what the
 * server calls it; session: what the catalog does, as soon as that is known. */
export interface RunState {
  id: string;
  session: string;
  kind: string;
  /** What it is called: the name of its graph, as a rule. */
  graph: string;
  graph_file: string;
  state: RunPhase;
  seconds: number;
  started_ns: number | null;
  stage: string;
  files: number;
  files_total: number | null;
  bytes_read: number;
  bytes_total: number | null;
  bytes_per_second: number | null;
  edges: EdgeNow[];
  messages: string[];
  problems: ProblemRow[];
  problems_total: number;
  outcome: string | null;
  report: Report | null;
  error: RunError | null;
  /** What its command said besides, as `--json` has it. */
  rows: Record<string, unknown>[];
  /** The command line that does the same, "" if somebody else has started it. */
  command: string;
  can: Change[];
}

export function hasEnded(run: Pick<RunState, "state">): boolean {
  return run.state === "finished" || run.state === "interrupted";
}
