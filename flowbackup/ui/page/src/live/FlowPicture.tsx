import {
  BaseEdge,
  Controls,
  type Edge,
  EdgeLabelRenderer,
  type EdgeProps,
  getBezierPath,
  type Node,
  ReactFlow,
} from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import "../designer/canvas/canvas.css";
import "./live.css";
import { memo, useMemo } from "react";
import { chartOf, type Line } from "../model/chart";
import { boxOf, type Positions } from "../model/layout";
import type { Spec } from "../model/spec";
import { useTheme } from "../shell/theme";
import { formatRate } from "../text/size";
import { visible } from "../text/visible";
import { useDirection } from "./direction";
import { LiveBox, type LiveBoxData } from "./LiveBox";
import { type AgentLook, type EdgeLook, lookOf } from "./looks";
import { type Direction, placesOf } from "./places";

export interface FlowPictureProps {
  label: string;
  spec: Spec;
  positions: Positions;
  edges: readonly EdgeLook[];
  agents: ReadonlyMap<string, AgentLook>;
}

type BoxNode = Node<LiveBoxData, "live">;
type LookEdge = Edge<{ line: Line; look: EdgeLook | null }, "look">;

const NODE_TYPES = { live: LiveBox };
const EDGE_TYPES = { look: memo(LookShape) };

/** A graph as it was drawn, to be looked at: nothing can be moved or joined. */
export function FlowPicture({ label, spec, positions, edges, agents }: FlowPictureProps) {
  const direction = useDirection();
  const theme = useTheme();
  const chart = useMemo(() => chartOf(spec, { each: true }), [spec]);
  const places = useMemo(
    () => placesOf(chart, positions, direction),
    [chart, positions, direction],
  );
  const nodes = useMemo(
    () => chart.boxes.map((box) => nodeOf(box, places, agents, direction)),
    [chart, places, agents, direction],
  );
  const lines = useMemo(() => chart.lines.map((line) => edgeOf(line, edges)), [chart, edges]);
  if (chart.boxes.length === 0) return null;
  return (
    <section className="flow-picture" data-direction={direction} aria-label={label}>
      <div className="canvas">
        <ReactFlow
          key={direction}
          nodes={nodes}
          edges={lines}
          nodeTypes={NODE_TYPES}
          edgeTypes={EDGE_TYPES}
          colorMode={theme}
          fitView
          fitViewOptions={{ padding: 0.08, maxZoom: 1 }}
          minZoom={0.05}
          maxZoom={1.6}
          onlyRenderVisibleElements
          nodesDraggable={false}
          nodesConnectable={false}
          nodesFocusable={false}
          edgesFocusable={false}
          elementsSelectable={false}
          zoomOnScroll={false}
          preventScrolling={false}
          proOptions={{ hideAttribution: true }}
        >
          <Controls showInteractive={false} />
        </ReactFlow>
      </div>
    </section>
  );
}

function nodeOf(
  box: LiveBoxData["box"],
  places: Positions,
  agents: FlowPictureProps["agents"],
  direction: Direction,
): BoxNode {
  return {
    id: box.id,
    type: "live",
    position: places[box.id] ?? { x: 0, y: 0 },
    width: box.width,
    height: box.height,
    data: { box, agents, direction },
  };
}

function edgeOf(line: Line, edges: readonly EdgeLook[]): LookEdge {
  const look = lookOf(line, edges);
  const words = ["line", line.kind, `mood-${look?.mood ?? "quiet"}`];
  if (look?.flows) words.push("flows");
  if (line.optional) words.push("optional");
  return {
    id: line.id,
    type: "look",
    source: boxOf(line.source),
    sourceHandle: line.source,
    target: boxOf(line.target),
    targetHandle: line.target,
    className: words.join(" "),
    data: { line, look },
  };
}

function LookShape(props: EdgeProps<LookEdge>) {
  const [path, x, y] = getBezierPath(props);
  const { look, line } = props.data ?? {};
  const said = [look?.under, line?.label].filter(Boolean).map((text) => visible(text ?? ""));
  const rate = look?.rate ?? null;
  return (
    <>
      <BaseEdge path={path} />
      {(rate !== null || said.length > 0) && (
        <EdgeLabelRenderer>
          <div
            className="flow-label"
            data-mood={look?.mood ?? "quiet"}
            style={{ transform: `translate(-50%, -50%) translate(${x}px, ${y}px)` }}
          >
            {rate !== null && <strong>{formatRate(rate)}</strong>}
            {said.map((text) => (
              <span key={text}>{text}</span>
            ))}
          </div>
        </EdgeLabelRenderer>
      )}
    </>
  );
}
