/** Rates over time, one line for what is read and one for each edge: a bounded memory of them. */

import type { RunState } from "./state";

/** Ten minutes at one a second; older ones are thinned out to every second one. */
export const POINTS_MAX = 600;
export const READ = "read";

export interface Series {
  seconds: number[];
  lines: ReadonlyMap<string, (number | null)[]>;
}

export const NO_SERIES: Series = { seconds: [], lines: new Map() };

/** With this moment behind the others; a moment that is not later than the last changes nothing. */
export function withMoment(series: Series, run: RunState): Series {
  const last = series.seconds.at(-1);
  if (last !== undefined && run.seconds <= last) return series;
  const now = new Map<string, number | null>([[READ, run.bytes_per_second]]);
  for (const edge of run.edges) now.set(edge.name, edge.bytes_per_second);
  const names = new Set([...series.lines.keys(), ...now.keys()]);
  const lines = new Map<string, (number | null)[]>();
  for (const name of names) {
    const before = series.lines.get(name) ?? series.seconds.map(() => null);
    lines.set(name, [...before, now.get(name) ?? null]);
  }
  return thinned({ seconds: [...series.seconds, run.seconds], lines });
}

function thinned(series: Series): Series {
  if (series.seconds.length <= POINTS_MAX) return series;
  const half = series.seconds.length >> 1;
  const stays = (_: unknown, place: number) => place >= half || place % 2 === 0;
  const lines = new Map([...series.lines].map(([name, line]) => [name, line.filter(stays)]));
  return { seconds: series.seconds.filter(stays), lines };
}
