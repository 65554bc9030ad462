import {
  BaseEdge,
  Controls,
  type Edge,
  EdgeLabelRenderer,
  type EdgeProps,
  getBezierPath,
  Handle,
  type Node,
  type NodeProps,
  Position,
  ReactFlow,
} from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import "./live.css";
import { memo, useMemo } from "react";
import { Name } from "../text/Name";
import { visible } from "../text/visible";
import { useDirection } from "./direction";
import { type Box, type Direction, layoutOf, type Picture } from "./picture";

export type Mood = "good" | "warn" | "bad" | "quiet";

/** What is said of one coupling at this moment, or of a prediction. */
export interface EdgeLook {
  text: string;
  under: string;
  mood: Mood;
  flows: boolean;
}

/** What is said of one box: how full its buffers are, and in which state it is. */
export interface BoxLook {
  used: number;
  slots: number;
  text: string;
  mood: Mood;
}

export interface FlowPictureProps {
  label: string;
  picture: Picture;
  edges: ReadonlyMap<string, EdgeLook>;
  boxes: ReadonlyMap<string, BoxLook>;
}

export const edgeKey = (source: string, target: string) => `${source} > ${target}`;

type BoxNode = Node<{ box: Box; look: BoxLook | undefined; direction: Direction }, "box">;
type FrameNode = Node<{ title: string }, "frame">;
type LookEdge = Edge<{ look: EdgeLook | undefined; label: string }, "look">;

const NODE_TYPES = { box: memo(BoxShape), frame: memo(FrameShape) };
const EDGE_TYPES = { look: memo(LookShape) };

/** A graph as the designer draws it, to be looked at: nothing can be moved or joined. */
export function FlowPicture({ label, picture, edges, boxes }: FlowPictureProps) {
  const direction = useDirection();
  const layout = useMemo(() => layoutOf(picture, direction), [picture, direction]);
  const nodes = useMemo(() => nodesOf(picture, layout, boxes, direction), [picture, layout, boxes, direction]);
  const lines = useMemo(() => linesOf(picture, edges), [picture, edges]);
  return (
    <section className="flow-picture" data-direction={direction} aria-label={label}>
      <ReactFlow
        key={direction}
        nodes={nodes}
        edges={lines}
        nodeTypes={NODE_TYPES}
        edgeTypes={EDGE_TYPES}
        fitView
        fitViewOptions={{ padding: 0.08, maxZoom: 1 }}
        minZoom={0.15}
        maxZoom={1.6}
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
    </section>
  );
}

function nodesOf(
  picture: Picture,
  layout: ReturnType<typeof layoutOf>,
  boxes: FlowPictureProps["boxes"],
  direction: Direction,
): (BoxNode | FrameNode)[] {
  const frames = [...layout.frames].map(
    ([title, place]): FrameNode => ({
      id: `frame ${title}`,
      type: "frame",
      position: { x: place.x, y: place.y },
      width: place.width,
      height: place.height,
      zIndex: -1,
      data: { title },
    }),
  );
  const own = picture.boxes.map((box): BoxNode => {
    const place = layout.boxes.get(box.name) ?? { x: 0, y: 0, width: 0, height: 0 };
    return {
      id: box.name,
      type: "box",
      position: { x: place.x, y: place.y },
      width: place.width,
      height: place.height,
      data: { box, look: boxes.get(box.name), direction },
    };
  });
  return [...frames, ...own];
}

function linesOf(picture: Picture, edges: FlowPictureProps["edges"]): LookEdge[] {
  return picture.edges.map((line) => {
    const look = edges.get(edgeKey(line.source, line.target));
    return {
      id: `${edgeKey(line.source, line.target)} ${line.label}`,
      source: line.source,
      target: line.target,
      type: "look",
      className: `mood-${look?.mood ?? "quiet"}${look?.flows ? " flows" : ""}${line.optional ? " optional" : ""}`,
      data: { look, label: line.label },
    };
  });
}

function BoxShape({ data: { box, look, direction } }: NodeProps<BoxNode>) {
  const [into, out] =
    direction === "right" ? [Position.Left, Position.Right] : [Position.Top, Position.Bottom];
  return (
    <div className="flow-box" data-role={box.kind} data-mood={look?.mood ?? "quiet"}>
      <Handle type="target" position={into} />
      <strong>
        <Name text={box.name} />
      </strong>
      <span className="flow-kind">
        {box.kind}
        {look?.text && <em> · {visible(look.text)}</em>}
      </span>
      {box.lines[0] && (
        <span className="flow-line" title={box.lines.map(visible).join("\n")}>
          {visible(box.lines[0])}
        </span>
      )}
      {look && look.slots > 0 && <Fill used={look.used} slots={look.slots} />}
      <Handle type="source" position={out} />
    </div>
  );
}

const SLOTS_DRAWN_MAX = 16;

/** Buffers that are in use, one small field for each while there are few. */
function Fill({ used, slots }: { used: number; slots: number }) {
  const fields = Math.min(slots, SLOTS_DRAWN_MAX);
  const full = Math.round((used * fields) / slots);
  return (
    <span className="flow-fill" role="img" aria-label={`${used} of ${slots} buffers in use`}>
      {Array.from({ length: fields }, (_, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: fields have no other identity
        <i key={place} data-full={place < full || undefined} />
      ))}
      <b>
        {used}/{slots}
      </b>
    </span>
  );
}

function FrameShape({ data }: NodeProps<FrameNode>) {
  return (
    <div className="flow-frame">
      <Name text={data.title} />
    </div>
  );
}

function LookShape(props: EdgeProps<LookEdge>) {
  const [path, x, y] = getBezierPath(props);
  const { look, label = "" } = props.data ?? {};
  return (
    <>
      <BaseEdge path={path} />
      {(look || label) && (
        <EdgeLabelRenderer>
          <div
            className="flow-label"
            data-mood={look?.mood ?? "quiet"}
            style={{ transform: `translate(-50%, -50%) translate(${x}px, ${y}px)` }}
          >
            {look?.text && <strong>{look.text}</strong>}
            {look?.under && <span>{visible(look.under)}</span>}
            {label && <span>{visible(label)}</span>}
          </div>
        </EdgeLabelRenderer>
      )}
    </>
  );
}
