/** What a run says of the boxes and lines of its picture. */

import { type BoxLook, type EdgeLook, edgeKey } from "../live/FlowPicture";
import type { Picture } from "../live/picture";
import { formatRate } from "../text/size";
import type { EdgeNow, RunState } from "./state";
import { edgeMood, WAITING_SECONDS_SHOWN } from "./waits";

export function edgeLooks(run: RunState): Map<string, EdgeLook> {
  const isLive = run.state === "running";
  return new Map(
    run.edges.map((edge) => [
      edgeKey(edge.source, edge.target),
      {
        text: isLive ? formatRate(edge.bytes_per_second) : "",
        under: isLive ? waitText(edge) : "",
        mood: edgeMood(edge),
        flows: isLive && edge.bytes_per_second > 0,
      },
    ]),
  );
}

function waitText(edge: EdgeNow): string {
  if (!edge.waiting_for || edge.waiting_seconds < WAITING_SECONDS_SHOWN) {
    return edge.state === "running" ? "" : edge.state;
  }
  return `waits for ${edge.waiting_for}, ${edge.waiting_seconds.toFixed(0)} s`;
}

const ENDS: Record<string, BoxLook["mood"]> = { complete: "good", failed: "bad" };

export function boxLooks(run: RunState, picture: Picture): Map<string, BoxLook> {
  const looks = new Map<string, BoxLook>();
  const ended = new Map(run.report?.devices.map((device) => [device.agent, device.state]));
  for (const box of picture.boxes) {
    const edge = run.edges.find((one) => one.target === box.name);
    const end = ended.get(box.name);
    const state = end ?? edge?.state ?? "";
    const isNews = state !== "" && state !== "running";
    looks.set(box.name, {
      used: run.state === "running" ? (edge?.slots_used ?? 0) : 0,
      slots: run.state === "running" ? (edge?.slots ?? 0) : 0,
      text: isNews ? state : "",
      mood: isNews ? (ENDS[state] ?? "warn") : "quiet",
    });
  }
  return looks;
}
