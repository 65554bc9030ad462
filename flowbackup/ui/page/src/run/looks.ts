/** What a run says of the agents and couplings of its graph. */

import type { AgentLook, EdgeLook } from "../live/looks";
import type { EdgeNow, RunState } from "./state";
import { edgeMood, WAITING_SECONDS_SHOWN } from "./waits";

export function edgeLooks(run: RunState): EdgeLook[] {
  const isLive = run.state === "running";
  return run.edges.map((edge) => ({
    source: edge.source,
    target: edge.target,
    rate: isLive ? edge.bytes_per_second : null,
    under: isLive ? waitText(edge) : "",
    mood: isLive ? edgeMood(edge) : "quiet",
    flows: isLive && edge.bytes_per_second > 0,
  }));
}

function waitText(edge: EdgeNow): string {
  if (!edge.waiting_for || edge.waiting_seconds < WAITING_SECONDS_SHOWN) {
    return edge.state === "running" ? "" : edge.state;
  }
  return `waits for ${edge.waiting_for}, ${edge.waiting_seconds.toFixed(0)} s`;
}

const MOODS: Record<string, AgentLook["mood"]> = { complete: "good", failed: "bad" };

/** Agents by their names, as "primary.nas". */
export function agentLooks(run: RunState): Map<string, AgentLook> {
  const looks = new Map<string, AgentLook>();
  const isLive = run.state === "running";
  const say = (name: string, state: string, edge?: EdgeNow) => {
    const isNews = state !== "" && state !== "running";
    looks.set(name, {
      used: isLive ? (edge?.slots_used ?? 0) : 0,
      slots: isLive ? (edge?.slots ?? 0) : 0,
      text: isNews ? state : "",
      mood: isNews ? (MOODS[state] ?? "warn") : "quiet",
    });
  };
  for (const edge of run.edges) say(edge.target, edge.state, edge);
  for (const device of run.report?.devices ?? []) say(device.agent, device.state);
  return looks;
}
