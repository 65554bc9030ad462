// The layout engine: fetched when it is first asked for, and at work beside the page.
import type { Chart } from "./chart";
import { boxOf, type Point, type Positions } from "./layout";

const OPTIONS = {
  "elk.algorithm": "layered",
  "elk.direction": "RIGHT",
  "elk.layered.spacing.nodeNodeBetweenLayers": "110",
  "elk.spacing.nodeNode": "36",
  "elk.layered.nodePlacement.strategy": "NETWORK_SIMPLEX",
};

/** Positions of all boxes, with few crossings. Rejects where the engine cannot be fetched. */
export async function arrange(chart: Chart): Promise<Positions> {
  const [{ default: Engine }, { default: workerUrl }] = await Promise.all([
    import("elkjs/lib/elk-api"),
    import("elkjs/lib/elk-worker.min.js?url"),
  ]);
  const engine = new Engine({ workerUrl });
  try {
    const ids = new Set(chart.boxes.map((box) => box.id));
    const edges = chart.lines
      .map(({ id, source, target }) => ({ id, sources: [boxOf(source)], targets: [boxOf(target)] }))
      .filter(
        ({ sources: [from = ""], targets: [to = ""] }) =>
          from !== to && ids.has(from) && ids.has(to),
      );
    const children = chart.boxes.map(({ id, width, height }) => ({ id, width, height }));
    const drawn = await engine.layout({ id: "chart", layoutOptions: OPTIONS, children, edges });
    return Object.fromEntries(
      (drawn.children ?? []).map(({ id, x = 0, y = 0 }): [string, Point] => [id, { x, y }]),
    );
  } finally {
    engine.terminateWorker();
  }
}
