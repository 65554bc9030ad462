/** Who waits for whom, and who of all of them holds the others up. */

import type { EdgeNow } from "./state";

/** Every edge waits a moment for every sync; only a wait that lasts is news. */
export const WAITING_SECONDS_SHOWN = 1;

export interface Waiting {
  who: string;
  whom: string;
  seconds: number;
}

/** The longest wait first. */
export function waits(edges: readonly EdgeNow[]): Waiting[] {
  return edges
    .filter((edge) => edge.waiting_for !== "" && edge.waiting_seconds >= WAITING_SECONDS_SHOWN)
    .map((edge) => ({ who: edge.name, whom: edge.waiting_for, seconds: edge.waiting_seconds }))
    .sort((one, other) => other.seconds - one.seconds);
}

/** For whom most others wait, directly or through others; null while nobody waits.  Where they
 * wait in a ring, the one for whom was waited longest. */
export function holdingUp(edges: readonly EdgeNow[]): string | null {
  const found = waits(edges);
  if (found.length === 0) return null;
  const targets = new Map(edges.map((edge) => [edge.name, edge.target]));
  const next = new Map<string, string>();
  for (const wait of found) {
    for (const name of [wait.who, targets.get(wait.who) ?? wait.who]) {
      if (name !== wait.whom && !next.has(name)) next.set(name, wait.whom);
    }
  }
  const counts = new Map<string, number>();
  for (const wait of found) {
    const last = end(wait.whom, next);
    counts.set(last, (counts.get(last) ?? 0) + wait.seconds);
  }
  return [...counts].sort((one, other) => other[1] - one[1])[0]?.[0] ?? null;
}

function end(name: string, next: ReadonlyMap<string, string>): string {
  const seen = new Set<string>();
  let at = name;
  while (next.has(at) && !seen.has(at)) {
    seen.add(at);
    at = next.get(at) as string;
  }
  return seen.has(at) ? name : at;
}

/** "running", "waiting for usb since 14 s", or what the edge says it is. */
export function edgeText(edge: EdgeNow): string {
  if (edge.waiting_for && edge.waiting_seconds >= WAITING_SECONDS_SHOWN) {
    return `waiting for ${edge.waiting_for} since ${edge.waiting_seconds.toFixed(0)} s`;
  }
  return edge.state;
}

export type Mood = "good" | "warn" | "bad" | "quiet";

const MOODS: Record<string, Mood> = {
  running: "good",
  complete: "good",
  sound: "good",
  failed: "bad",
  damaged: "bad",
  lost: "bad",
  "relay-only": "warn",
  detached: "warn",
};

/** How an edge is to be coloured; words say the same. */
export function edgeMood(edge: EdgeNow): Mood {
  if (edge.waiting_for && edge.waiting_seconds >= WAITING_SECONDS_SHOWN) return "warn";
  return MOODS[edge.state] ?? "quiet";
}
