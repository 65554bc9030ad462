/** The answer of the simulator: rows of `graph simulate --json`. */

export interface Summary {
  graph: string;
  outcome: string;
  duration_seconds: number;
  duration_seconds_total: number;
  rate: number;
  bytes_source: number;
  bytes_safe: number;
  bottleneck: string;
  memory: { node: string; bytes_planned: number; bytes_peak: number }[];
  assumed: string[];
  stages: Summary[];
}

export interface DeviceResult {
  stage: number;
  name: string;
  agent: string;
  node: string;
  level: number;
  bytes_durable: number;
  busy_seconds: number;
  syncs: number;
  slots: number;
  slots_peak: number;
  failure: string;
  failed_at: number;
}

export interface EdgeResult {
  stage: number;
  name: string;
  bytes_moved: number;
  rate: number;
}

export interface Wait {
  stage: number;
  who: string;
  whom: string;
  seconds: number;
}

export interface Sample {
  stage: number;
  seconds: number;
  bytes_read: number;
  fill: Record<string, number>;
}

export interface Loss {
  device: string;
  at_seconds: number;
  bytes_durable: number;
  bytes_lost: number;
  elsewhere: Record<string, number>;
}

export interface Prediction {
  summary: Summary;
  devices: DeviceResult[];
  edges: EdgeResult[];
  waits: Wait[];
  samples: Sample[];
  losses: Loss[];
}

/** A wait for less of the time than this holds nobody up. */
const SHORT_SHARE = 0.05;

/** Waits of the session worth telling, the longest first. */
export function longWaits(found: Prediction): (Wait & { share: number })[] {
  const whole = found.summary.duration_seconds;
  return found.waits
    .filter((wait) => wait.stage === 0 && whole > 0 && wait.seconds >= SHORT_SHARE * whole)
    .map((wait) => ({ ...wait, share: wait.seconds / whole }))
    .sort((one, other) => other.seconds - one.seconds);
}

export interface Difference {
  what: string;
  one: string;
  other: string;
  /** Which of the two is better; "" where neither is. */
  better: "one" | "other" | "";
}

export interface Words {
  seconds: (value: number) => string;
  rate: (value: number) => string;
  size: (value: number) => string;
}

const OUTCOMES = ["failed", "incomplete", "success"];

/** Two layouts line by line. */
export function compared(one: Prediction, other: Prediction, words: Words): Difference[] {
  const row = (
    what: string,
    text: (value: number) => string,
    value: (found: Prediction) => number,
    moreIsBetter: boolean,
  ): Difference => ({
    what,
    one: text(value(one)),
    other: text(value(other)),
    better: betterOf(value(one), value(other), moreIsBetter),
  });
  const outcome = (found: Prediction) => OUTCOMES.indexOf(found.summary.outcome);
  return [
    row("ends with", (rank) => OUTCOMES[rank] ?? "unknown", outcome, true),
    row("takes", words.seconds, (found) => found.summary.duration_seconds, false),
    row("with its copies", words.seconds, (found) => found.summary.duration_seconds_total, false),
    row("rate", words.rate, (found) => found.summary.rate, true),
    row("memory", words.size, memoryOf, false),
    row("devices that hold all", String, copiesOf, true),
    row("lost at worst", words.size, lossOf, false),
  ];
}

function betterOf(one: number, other: number, moreIsBetter: boolean): Difference["better"] {
  // What differs by less than this the eye takes for the same.
  if (Math.abs(one - other) <= 0.005 * Math.max(Math.abs(one), Math.abs(other))) return "";
  return one > other === moreIsBetter ? "one" : "other";
}

function memoryOf(found: Prediction): number {
  return found.summary.memory.reduce((sum, part) => sum + part.bytes_planned, 0);
}

function copiesOf(found: Prediction): number {
  const whole = Math.max(0, ...found.devices.map((device) => device.bytes_durable));
  return found.devices.filter((device) => whole > 0 && device.bytes_durable >= whole).length;
}

function lossOf(found: Prediction): number {
  return Math.max(0, ...found.losses.map((loss) => loss.bytes_lost));
}

/** For the plot: seconds, and what was read until then per second between samples; fill by agent in
 * slots. */
export function linesOf(found: Prediction): {
  seconds: number[];
  read: number[];
  fill: Map<string, number[]>;
} {
  const own = found.samples.filter((sample) => sample.stage === 0);
  const fill = new Map<string, number[]>();
  for (const name of Object.keys(own[0]?.fill ?? {})) {
    fill.set(
      name,
      own.map((sample) => sample.fill[name] ?? 0),
    );
  }
  const read = own.map((sample, place) => {
    const before = own[place - 1];
    const span = before ? sample.seconds - before.seconds : sample.seconds;
    return span > 0 ? (sample.bytes_read - (before?.bytes_read ?? 0)) / span : 0;
  });
  return { seconds: own.map((sample) => sample.seconds), read, fill };
}
