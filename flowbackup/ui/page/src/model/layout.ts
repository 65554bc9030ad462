// Where boxes stand: in columns by rank, each column ordered by what feeds it.  At once and without
// the layout engine, which has the better picture of large graphs.
import type { Box, Chart } from "./chart";

export interface Point {
  x: number;
  y: number;
}

export type Positions = Readonly<Record<string, Point>>;

const COLUMN_GAP = 110;
const ROW_GAP = 36;

/** Positions of all boxes: those that are known, and a place for each that has none. */
export function placed(chart: Chart, known: Positions): Positions {
  const missing = chart.boxes.filter((box) => !known[box.id]);
  if (!missing.length) return known;
  if (missing.length === chart.boxes.length) return arranged(chart);
  const all: Record<string, Point> = { ...known };
  const wished = arranged(chart);
  for (const box of missing)
    all[box.id] = freePlace(box, besideFeeders(chart, box, all, wished), chart, all);
  return all;
}

/** All boxes in columns. */
export function arranged(chart: Chart): Positions {
  const ranks = ranksOf(chart);
  const columns = new Map<number, Box[]>();
  for (const box of chart.boxes) {
    const rank = ranks.get(box.id) ?? 0;
    columns.set(rank, [...(columns.get(rank) ?? []), box]);
  }
  const feeders = feedersOf(chart);
  const positions: Record<string, Point> = {};
  const middle = new Map<string, number>();
  let x = 0;
  for (const rank of [...columns.keys()].sort((a, b) => a - b)) {
    const column = columns.get(rank) ?? [];
    const wished = new Map(column.map((box) => [box.id, mean(feeders.get(box.id), middle)]));
    column.sort((a, b) => (wished.get(a.id) ?? 0) - (wished.get(b.id) ?? 0));
    const height = column.reduce((sum, box) => sum + box.height + ROW_GAP, -ROW_GAP);
    let y = -height / 2;
    for (const box of column) {
      positions[box.id] = { x, y: Math.round(y) };
      middle.set(box.id, y + box.height / 2);
      y += box.height + ROW_GAP;
    }
    x += Math.max(...column.map((box) => box.width)) + COLUMN_GAP;
  }
  return positions;
}

/** Box of a line's end: the frame of an agent, the box itself else. */
export function boxOf(id: string): string {
  return id.startsWith("agent/") ? `group/${id.slice(6).split(".")[0]}` : id;
}

function feedersOf(chart: Chart): Map<string, string[]> {
  const feeders = new Map<string, string[]>();
  for (const { source, target } of chart.lines) {
    const [from, to] = [boxOf(source), boxOf(target)];
    if (from !== to) feeders.set(to, [...(feeders.get(to) ?? []), from]);
  }
  return feeders;
}

/** How many lines lead to each box, the longest way; a cycle is cut where it is met. */
function ranksOf(chart: Chart): Map<string, number> {
  const feeders = feedersOf(chart);
  const ranks = new Map<string, number>();
  const under = new Set<string>();
  const rankOf = (id: string): number => {
    const known = ranks.get(id);
    if (known !== undefined) return known;
    if (under.has(id)) return 0;
    under.add(id);
    const before = (feeders.get(id) ?? []).map((feeder) => rankOf(feeder) + 1);
    under.delete(id);
    const isHead = id.startsWith("group/") && chart.boxes.some((box) => box.kind === "client");
    const rank = Math.max(isHead ? 1 : 0, ...before);
    ranks.set(id, rank);
    return rank;
  };
  for (const box of chart.boxes) rankOf(box.id);
  return ranks;
}

function mean(ids: readonly string[] | undefined, values: Map<string, number>): number {
  const found = (ids ?? []).flatMap((id) => values.get(id) ?? []);
  return found.length ? found.reduce((sum, value) => sum + value, 0) / found.length : 0;
}

function besideFeeders(chart: Chart, box: Box, all: Positions, wished: Positions): Point {
  const feeder = (feedersOf(chart).get(box.id) ?? []).find((id) => all[id]);
  const before = chart.boxes.find((one) => one.id === feeder);
  const at = feeder ? all[feeder] : undefined;
  if (at && before) return { x: at.x + before.width + COLUMN_GAP, y: at.y };
  return wished[box.id] ?? { x: 0, y: 0 };
}

/** The wished place, or the first one below it where nothing stands. */
function freePlace(box: Box, wish: Point, chart: Chart, all: Positions): Point {
  let { y } = wish;
  for (let tries = 0; tries <= chart.boxes.length; tries += 1) {
    const other = chart.boxes.find((one) => {
      const at = all[one.id];
      return one !== box && at && overlaps({ ...wish, y }, box, at, one);
    });
    const at = other && all[other.id];
    if (!other || !at) break;
    y = at.y + other.height + ROW_GAP;
  }
  return { x: wish.x, y };
}

function overlaps(a: Point, one: Box, b: Point, other: Box): boolean {
  const gap = ROW_GAP / 2;
  return (
    a.x < b.x + other.width + gap &&
    b.x < a.x + one.width + gap &&
    a.y < b.y + other.height + gap &&
    b.y < a.y + one.height + gap
  );
}
