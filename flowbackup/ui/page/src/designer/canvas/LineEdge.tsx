import {
  BaseEdge,
  type Edge,
  EdgeLabelRenderer,
  type EdgeProps,
  getBezierPath,
} from "@xyflow/react";
import { memo } from "react";
import type { Line } from "../../model/chart";

export type LineEdgeType = Edge<{ line: Line; chosen: boolean }, "line">;

/** A coupling, the way from a client, or the step from a written device to its reader. */
export const LineEdge = memo(function LineEdge(props: EdgeProps<LineEdgeType>) {
  const { id, data, markerEnd } = props;
  const [path, x, y] = getBezierPath(props);
  const line = data?.line;
  const mark = markerEnd ? { markerEnd } : {};
  return (
    <>
      <BaseEdge id={id} path={path} interactionWidth={18} {...mark} />
      {line?.label && (
        <EdgeLabelRenderer>
          <span
            className="line-label"
            data-chosen={data?.chosen || undefined}
            style={{ transform: `translate(-50%, -50%) translate(${x}px, ${y}px)` }}
          >
            {line.label}
          </span>
        </EdgeLabelRenderer>
      )}
    </>
  );
});
