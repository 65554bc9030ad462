/** Runs as the server tells of them, and what the screens make of that. */

import type { Detour, Explanation, MediumUse, ProblemRow, Report } from "../sessions/report";
import type { Change, EdgeNow, RunPhase, RunState } from "./state";

export interface ToldEdge extends Omit<EdgeNow, "bytes_per_second"> {
  rate: number;
}

export interface ToldProgress {
  stage: string;
  files: number;
  files_total: number | null;
  bytes_read: number;
  bytes_total: number | null;
  rate: number;
  edges: ToldEdge[];
}

export interface ToldRow {
  id: string;
  kind: string;
  title: string;
  session: string | null;
  graph: string;
  state: "running" | "ended" | "lost";
  outcome: string | null;
  exit_code: number | null;
  started_ns: string;
  by_page: boolean;
  can?: Change[];
}

export interface ToldEvent extends ToldRow {
  progress: ToldProgress | null;
  problems_total: number;
  message: string;
}

interface ToldError {
  kind?: string;
  text?: string;
  remedy?: string;
  findings?: unknown[];
}

export interface ToldState extends ToldRow {
  command: string;
  progress: ToldProgress | null;
  problems: ProblemRow[];
  problems_total: number;
  messages: string[];
  rows: Record<string, unknown>[];
  summary: Record<string, unknown> | null;
  error: ToldError | null;
}

const CHANGES_OF_CHAINS: Change[] = ["pace", "attach", "detach", "cancel"];
export const CHAINS = ["run", "backup", "demo", "copy"];
const INTERRUPTED_EXIT_CODE = 130;
const NS_PER_MS = 1e6;

/** now: milliseconds since 1970. */
export function runOf(told: ToldState, now: number): RunState {
  const { progress } = told;
  const report = told.summary as unknown as Report | null;
  const started = Number(told.started_ns) / NS_PER_MS;
  return {
    session: told.session ?? told.id,
    id: told.id,
    kind: told.kind,
    graph: told.title,
    graph_file: told.graph,
    state: phaseOf(told),
    seconds: report?.duration_seconds ?? Math.max(0, (now - started) / 1000),
    started_ns: Number(told.started_ns),
    stage: progress?.stage ?? "",
    files: progress?.files ?? 0,
    files_total: progress?.files_total ?? null,
    bytes_read: progress?.bytes_read ?? 0,
    bytes_total: progress?.bytes_total ?? null,
    bytes_per_second: progress?.rate ?? null,
    edges: (progress?.edges ?? []).map(({ rate, ...edge }) => ({
      ...edge,
      bytes_per_second: rate,
    })),
    messages: told.messages,
    problems: told.problems,
    problems_total: told.problems_total,
    outcome: told.outcome,
    report: report && { ...report, explanation: explanationOf(told.rows) },
    error: errorOf(told),
    rows: told.rows,
    command: told.command,
    can: told.state === "running" ? (told.can ?? changesOf(told)) : [],
  };
}

/** The state after an event: what an event does not say stays as it was. */
export function withEvent(state: ToldState, event: ToldEvent): ToldState {
  const { message, progress, problems_total, ...head } = event;
  const isNews = message !== "" && message !== state.messages.at(-1);
  return {
    ...state,
    ...head,
    progress: progress ?? state.progress,
    problems_total,
    messages: isNews ? [...state.messages, message].slice(-50) : state.messages,
  };
}

function phaseOf(told: ToldState): RunPhase {
  if (told.state === "running") return told.progress ? "running" : "starting";
  return told.state === "ended" && told.exit_code !== INTERRUPTED_EXIT_CODE
    ? "finished"
    : "interrupted";
}

function changesOf(told: ToldRow): Change[] {
  return CHAINS.includes(told.kind) && told.session ? CHANGES_OF_CHAINS : ["cancel"];
}

function errorOf(told: ToldState): RunState["error"] {
  if (told.error) {
    const { kind = "", text = "", remedy = "", findings = [] } = told.error;
    return { kind, message: text || "It failed without saying why.", remedy, findings };
  }
  if (told.state !== "lost" || told.summary) return null;
  return {
    kind: "lost",
    message: "Its process ended without a word.",
    remedy: "What was durable stays; run it again, and only what is missing is sent.",
    findings: [],
  };
}

/** The rows of a restore that was asked to explain itself. */
function explanationOf(rows: readonly Record<string, unknown>[]): Explanation | null {
  const of = (type: string) => rows.filter((row) => row.type === type);
  const media = of("medium") as unknown as MediumUse[];
  const detours = of("detour") as unknown as Detour[];
  return media.length || detours.length ? { media, detours } : null;
}
