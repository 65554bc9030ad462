// The whole graph is shown when it is opened, and when something new stands where nobody looks.
import { useReactFlow, useStoreApi } from "@xyflow/react";
import { useEffect, useRef } from "react";
import type { Box, Chart } from "../../model/chart";
import type { Positions } from "../../model/layout";

const FIT = { padding: 0.12, maxZoom: 1 };
const FIT_MILLISECONDS = 200;

/** Nothing glides for whoever has asked the browser for less motion. */
function fitMilliseconds(): number {
  return matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : FIT_MILLISECONDS;
}

export function useShown(chart: Chart, places: Positions): void {
  const flow = useReactFlow();
  const store = useStoreApi();
  const known = useRef<ReadonlySet<string>>(new Set());

  useEffect(() => {
    const before = known.current;
    known.current = new Set(chart.boxes.map((box) => box.id));
    const isSeen = (box: Box) => {
      const { x, y, zoom } = flow.getViewport();
      const { width, height } = store.getState();
      const at = places[box.id] ?? { x: 0, y: 0 };
      const [left, top] = [at.x * zoom + x, at.y * zoom + y];
      const isInside = left >= 0 && top >= 0;
      return isInside && left + box.width * zoom <= width && top + box.height * zoom <= height;
    };
    const fresh = chart.boxes.filter((box) => !before.has(box.id));
    if (fresh.length && (before.size === 0 || !fresh.every(isSeen))) {
      requestAnimationFrame(() => void flow.fitView({ ...FIT, duration: fitMilliseconds() }));
    }
  }, [chart, places, flow, store]);
}
