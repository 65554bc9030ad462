/** Where boxes stand when a graph is only looked at: as it was drawn, or one below the other where
 * the page is narrow. */

import type { Box, Chart } from "../model/chart";
import { type Positions, placed } from "../model/layout";

export type Direction = "right" | "down";

const BETWEEN_ROWS = 84;
const BETWEEN_BOXES = 24;
/** Boxes whose left sides are nearer than this stand in one column. */
const COLUMN_WIDTH = 150;

export function placesOf(chart: Chart, known: Positions, direction: Direction): Positions {
  const drawn = placed(chart, known);
  if (direction === "right") return drawn;
  const places: Record<string, { x: number; y: number }> = {};
  let y = 0;
  for (const row of rowsOf(chart.boxes, drawn)) {
    const width = row.reduce((sum, box) => sum + box.width + BETWEEN_BOXES, -BETWEEN_BOXES);
    let x = -width / 2;
    for (const box of row) {
      places[box.id] = { x, y };
      x += box.width + BETWEEN_BOXES;
    }
    y += Math.max(...row.map((box) => box.height)) + BETWEEN_ROWS;
  }
  return places;
}

/** The columns of the drawn graph, from left to right, each from top to bottom. */
function rowsOf(boxes: readonly Box[], drawn: Positions): Box[][] {
  const at = (box: Box) => drawn[box.id] ?? { x: 0, y: 0 };
  const sorted = [...boxes].sort((one, other) => at(one).x - at(other).x);
  const rows: Box[][] = [];
  for (const box of sorted) {
    const row = rows.at(-1);
    const [first] = row ?? [];
    if (row && first && at(box).x - at(first).x < COLUMN_WIDTH) row.push(box);
    else rows.push([box]);
  }
  return rows.map((row) => row.sort((one, other) => at(one).y - at(other).y));
}
