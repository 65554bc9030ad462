import {
  applyNodeChanges,
  Background,
  Controls,
  type FinalConnectionState,
  MiniMap,
  type NodeChange,
  type OnConnectStartParams,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
} from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import { type DragEvent, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useTheme } from "../../shell/theme";
import { chartOf } from "../../model/chart";
import type { BufferRange, Endpoint } from "../../model/endpoint";
import type { Verdicts } from "../../model/legality";
import { type Point, placed } from "../../model/layout";
import { buffersOf, groupAt, type Keys, type Role } from "../../model/spec";
import type { Draft } from "../draft/draft";
import { useDraft } from "../draft/drafts";
import { bufferAt } from "./Buffers";
import { ClientNode } from "./ClientNode";
import { Around, type CanvasContext, keyText } from "./context";
import { type Dragged, endOf, rangeAt, type Source, sourceText, verdictFor } from "./coupling";
import { GroupNode } from "./GroupNode";
import { LineEdge } from "./LineEdge";
import { type ChainNode, edgesOf, type Known, nodesOf } from "./nodes";
import { Refusal, type Refused } from "./Refusal";
import { troubledBoxes } from "./troubled";

const NODE_TYPES = { group: GroupNode, client: ClientNode };
const EDGE_TYPES = { line: LineEdge };
// Frames of 500 agents still fit on a screen.
const ZOOM_MIN = 0.05;
export const DRAGGED_KIND = "application/x-flowbackup-part";

export type PartWord = "client" | Role;

interface CanvasProps {
  draft: Draft;
  chosen: Keys;
  onChoose: (keys: Keys) => void;
  onAddAgent: (group: string) => void;
  onAdd: (part: PartWord, at: Point) => void;
  onCouple: (source: Source, target: Endpoint) => void;
  onLegal: (source: Source) => Promise<Verdicts | null>;
}

export function Canvas(props: CanvasProps) {
  return (
    <ReactFlowProvider>
      <Chain {...props} />
    </ReactFlowProvider>
  );
}

function Chain(props: CanvasProps) {
  const { draft, chosen, onChoose, onAddAgent, onAdd, onCouple, onLegal } = props;
  const { history, design } = useDraft(draft);
  const { spec, positions } = history.present;
  const flow = useReactFlow<ChainNode>();
  const theme = useTheme();
  const known = useRef<Known>(new Map());
  const [dragged, setDragged] = useState<Dragged | null>(null);
  const [range, setRange] = useState<CanvasContext["range"]>(null);
  const [refused, setRefused] = useState<Refused | null>(null);

  const chart = useMemo(() => chartOf(spec), [spec]);
  const places = useMemo(() => placed(chart, positions), [chart, positions]);
  const drawn = useMemo(() => nodesOf(chart, places, known.current), [chart, places]);
  const edges = useMemo(() => edgesOf(chart, chosen), [chart, chosen]);
  const [nodes, setNodes] = useState(drawn);
  useEffect(() => setNodes(drawn), [drawn]);
  useEffect(() => {
    if (places !== positions && chart.boxes.length) draft.place(places);
  }, [draft, places, positions, chart]);

  const hasBoxes = chart.boxes.length > 0;
  useEffect(() => {
    if (hasBoxes) requestAnimationFrame(() => void flow.fitView({ padding: 0.15, maxZoom: 1 }));
  }, [flow, hasBoxes]);

  const onNodesChange = useCallback((changes: NodeChange<ChainNode>[]) => {
    // Sizes are known from the chart: only moves and choices change anything.
    setNodes((now) => applyNodeChanges(changes, now));
  }, []);

  const onNodeDragStop = (_: unknown, __: unknown, moved: ChainNode[]) => {
    const at = moved.map(({ id, position }) => [
      id,
      { x: Math.round(position.x), y: Math.round(position.y) },
    ]);
    draft.move({ ...draft.now.positions, ...Object.fromEntries(at) });
  };

  const onConnectStart = (_: unknown, from: OnConnectStartParams) => {
    const source = sourceOf(from, range);
    if (!source) return;
    setRefused(null);
    setDragged({ source, verdicts: null });
    void onLegal(source).then((verdicts) =>
      setDragged((now) => (now?.source === source ? { source, verdicts } : now)),
    );
  };

  const onConnectEnd = (event: MouseEvent | TouchEvent, state: FinalConnectionState) => {
    const at = "changedTouches" in event ? event.changedTouches[0] : event;
    setDragged(null);
    const target = state.toHandle?.id ? endOf(state.toHandle.id) : null;
    if (!dragged || !target || !at || state.toHandle?.type !== "target") return;
    const verdict = verdictFor(spec, dragged, target);
    if (!verdict.legal) {
      setRefused({ x: at.clientX, y: at.clientY, text: verdict.reason });
      return;
    }
    const buffers = rangeOfDrop(dragged.source, target, at);
    onCouple(dragged.source, buffers ? { ...target, buffers } : target);
    setRange(null);
  };

  const rangeOfDrop = (source: Source, target: Endpoint, at: { clientX: number; clientY: number }) => {
    const group = groupAt(spec, target.group);
    if (!target.device || !group) return undefined;
    const under = document.elementsFromPoint(at.clientX, at.clientY);
    const strip = under.find((one) => one.getAttribute("data-agent") === `${target.group}.${target.device}`);
    const buffer = strip ? bufferAt(strip, at.clientX) : null;
    if (source.kind === "agent") return rangeAt(source.end.buffers, buffer, buffersOf(group.group));
    const isChosen = range?.agent === `${target.group}.${target.device}`;
    return isChosen ? range.buffers : undefined;
  };

  const onDrop = (event: DragEvent) => {
    const part = event.dataTransfer.getData(DRAGGED_KIND) as PartWord | "";
    if (!part) return;
    event.preventDefault();
    onAdd(part, flow.screenToFlowPosition({ x: event.clientX, y: event.clientY }));
  };

  const around = useMemo<CanvasContext>(
    () => ({
      chosen: keyText(chosen),
      troubled: troubledBoxes(design?.findings ?? []),
      range,
      choose: onChoose,
      chooseRange: (agent: string, buffers: BufferRange | null) =>
        setRange(buffers && { agent, buffers }),
      addAgent: onAddAgent,
      verdict: (target) => (dragged ? verdictFor(spec, dragged, target) : null),
    }),
    [chosen, design, range, onChoose, onAddAgent, dragged, spec],
  );

  return (
    <Around.Provider value={around}>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: parts can be dropped; the buttons add them too */}
      <div
        className="canvas"
        data-coupling={dragged ? true : undefined}
        onDrop={onDrop}
        onDragOver={(event) => event.preventDefault()}
        onPointerDown={() => setRefused(null)}
      >
        <ReactFlow
          nodes={nodes}
          edges={edges}
          nodeTypes={NODE_TYPES}
          edgeTypes={EDGE_TYPES}
          colorMode={theme}
          minZoom={ZOOM_MIN}
          maxZoom={1.6}
          onlyRenderVisibleElements
          deleteKeyCode={null}
          connectionRadius={12}
          proOptions={{ hideAttribution: true }}
          onNodesChange={onNodesChange}
          onNodeClick={(_, node) => onChoose(node.data.box.keys)}
          onNodeDragStop={onNodeDragStop}
          onEdgeClick={(_, edge) => edge.data && onChoose(edge.data.line.keys)}
          onPaneClick={() => {
            onChoose([]);
            setRange(null);
          }}
          onConnectStart={onConnectStart}
          onConnectEnd={onConnectEnd}
          isValidConnection={({ targetHandle }) => {
            const target = endOf(targetHandle ?? "");
            return Boolean(dragged && target && verdictFor(spec, dragged, target).legal);
          }}
        >
          <Background gap={22} size={1.2} />
          <Controls showInteractive={false} />
          {chart.boxes.length > 12 && <MiniMap pannable zoomable ariaLabel="The whole graph" />}
        </ReactFlow>
        {!hasBoxes && (
          <div className="canvas-empty">
            <h2>An empty graph</h2>
            <p>
              Add a client and a backup group from the row above, or drag them here. Then draw from
              one to the next.
            </p>
          </div>
        )}
        {refused && <Refusal refused={refused} onClose={() => setRefused(null)} />}
      </div>
    </Around.Provider>
  );
}

function sourceOf(from: OnConnectStartParams, range: CanvasContext["range"]): Source | null {
  if (from.handleType !== "source" || !from.nodeId || !from.handleId) return null;
  if (from.nodeId.startsWith("client/")) {
    const client = from.nodeId.slice("client/".length);
    const object = from.handleId.startsWith("object/") ? from.handleId.slice("object/".length) : "";
    return { kind: "client", client, object };
  }
  const end = endOf(from.handleId);
  if (!end) return null;
  const isChosen = end.device && range?.agent === `${end.group}.${end.device}`;
  return { kind: "agent", end: isChosen ? { ...end, buffers: range.buffers } : end };
}
