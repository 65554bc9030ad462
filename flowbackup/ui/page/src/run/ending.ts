// A short run that a dialog waits for.
import { api, type Fault } from "../api/client";
import { followEvents } from "../api/events";
import { runOf, type ToldState } from "./told";

/** Why it did not end well, as soon as it has ended; null if it did. */
export async function faultOfRun(id: string): Promise<Fault | null> {
  const path = `/api/runs/${encodeURIComponent(id)}`;
  await followEvents(`${path}/events`, () => undefined, new AbortController().signal);
  const answer = await api.get<ToldState>(path);
  if (!answer.ok) return answer.fault;
  const run = runOf(answer.value, Date.now());
  if (run.outcome === "success") return null;
  const message =
    run.error?.message ??
    run.problems[0]?.text ??
    `It ended ${run.outcome ?? "without an outcome"}`;
  return { kind: run.error?.kind ?? "run", status: 0, message, remedy: run.error?.remedy ?? "" };
}
