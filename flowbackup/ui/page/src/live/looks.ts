/** What is said of the parts of a drawn graph: at a moment of a run, or by a prediction. */

import type { Line } from "../model/chart";

export type Mood = "good" | "warn" | "bad" | "quiet";

/** Of one coupling.  rate: bytes per second, null where it is no matter. */
export interface EdgeLook {
  source: string;
  target: string;
  rate: number | null;
  under: string;
  mood: Mood;
  flows: boolean;
}

/** Of one agent: how full its buffers are, and what is to be told of it. */
export interface AgentLook {
  used: number;
  slots: number;
  text: string;
  mood: Mood;
}

const WORST_FIRST: Mood[] = ["bad", "warn", "good", "quiet"];

/** A line from a client ends at a group, and tells of all the agents there; others tell of one
 * coupling.  Null where nothing is said of any. */
export function lookOf(line: Line, looks: readonly EdgeLook[]): EdgeLook | null {
  const source = nameOf(line.source);
  const target = nameOf(line.target);
  const own = looks.filter(
    (look) => look.source === source && isAt(look.target, target, line.target),
  );
  const [first] = own;
  if (!first) return null;
  const rates = own.flatMap((look) => (look.rate === null ? [] : [look.rate]));
  const moods = own.map((look) => look.mood);
  return {
    source,
    target,
    rate: rates.length ? rates.reduce((sum, rate) => sum + rate, 0) : null,
    under: own.find((look) => look.under)?.under ?? "",
    mood: WORST_FIRST.find((mood) => moods.includes(mood)) ?? "quiet",
    flows: own.some((look) => look.flows),
  };
}

/** "agent/primary.nas" is called "primary.nas" by a run. */
function nameOf(id: string): string {
  return id.slice(id.indexOf("/") + 1);
}

function isAt(agent: string, name: string, id: string): boolean {
  return id.startsWith("group/") ? agent.startsWith(`${name}.`) : agent === name;
}
