import {
  applyNodeChanges,
  Background,
  Controls,
  MiniMap,
  type NodeChange,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
  useUpdateNodeInternals,
} from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import { type DragEvent, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { chartOf } from "../../model/chart";
import type { BufferRange, Endpoint } from "../../model/endpoint";
import { type Point, placed } from "../../model/layout";
import type { Verdict, Verdicts } from "../../model/legality";
import type { Keys, Role } from "../../model/spec";
import { useTheme } from "../../shell/theme";
import type { Draft } from "../draft/draft";
import { useDraft } from "../draft/drafts";
import { ClientNode } from "./ClientNode";
import { Around, type CanvasContext, keyText } from "./context";
import { type Source, verdictFor } from "./coupling";
import { GroupNode } from "./GroupNode";
import { LineEdge } from "./LineEdge";
import { type ChainNode, carried, edgesOf, type Known, nodesOf } from "./nodes";
import { Refusal } from "./Refusal";
import { troubledBoxes } from "./troubled";
import { useCouplingDrag } from "./useCouplingDrag";
import { useShown } from "./useShown";

const NODE_TYPES = { groupBox: GroupNode, clientBox: ClientNode };
const EDGE_TYPES = { line: LineEdge };
// Frames of 500 agents still fit on a screen.
const ZOOM_MIN = 0.02;
export const DRAGGED_KIND = "application/x-flowbackup-part";

export type PartWord = "client" | Role;

interface CanvasProps {
  draft: Draft;
  chosen: Keys;
  onChoose: (keys: Keys) => void;
  onAddAgent: (group: string) => void;
  onAdd: (part: PartWord, at: Point) => void;
  onCouple: (source: Source, target: Endpoint) => Promise<Verdict>;
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
  const [range, setRange] = useState<CanvasContext["range"]>(null);

  const chart = useMemo(() => chartOf(spec), [spec]);
  const places = useMemo(() => placed(chart, positions), [chart, positions]);
  const drawn = useMemo(() => nodesOf(chart, places, known.current), [chart, places]);
  const edges = useMemo(() => edgesOf(chart, chosen), [chart, chosen]);
  const [nodes, setNodes] = useState(drawn);
  const measureAgain = useUpdateNodeInternals();
  useEffect(() => {
    setNodes((before) => {
      const now = carried(drawn, before);
      const fresh = now.filter((node) => !before.includes(node)).map((node) => node.id);
      // Ends come and go with objects and devices.
      if (fresh.length) requestAnimationFrame(() => measureAgain(fresh));
      return now;
    });
  }, [drawn, measureAgain]);
  useEffect(() => {
    if (places !== positions && chart.boxes.length) draft.place(places);
  }, [draft, places, positions, chart]);

  useShown(chart, places);

  const onNodesChange = useCallback(
    (changes: NodeChange<ChainNode>[]) => {
      setNodes((now) => applyNodeChanges(changes, now));
      // Enter on a box, which has been reached by keys, chooses it as a click does.
      const chosenByKey = changes.find((change) => change.type === "select" && change.selected);
      const box = chosenByKey?.type === "select" ? known.current.get(chosenByKey.id) : undefined;
      if (box) onChoose(box.data.box.keys);
    },
    [onChoose],
  );

  const onNodeDragStop = (_: unknown, __: unknown, moved: ChainNode[]) => {
    const at = moved.map(({ id, position }) => [
      id,
      { x: Math.round(position.x), y: Math.round(position.y) },
    ]);
    draft.move({ ...draft.now.positions, ...Object.fromEntries(at) });
  };

  const { dragged, refused, setRefused, onConnectStart, onConnectEnd, isValidConnection } =
    useCouplingDrag({ spec, range, onLegal, onCouple, onDone: () => setRange(null) });

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
        data-coupling={dragged ? (dragged.isJudged ? "judged" : "begun") : undefined}
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
          isValidConnection={isValidConnection}
        >
          <Background gap={22} size={1.2} />
          <Controls showInteractive={false} />
          {chart.boxes.length > 12 && <MiniMap pannable zoomable ariaLabel="The whole graph" />}
        </ReactFlow>
        {chart.boxes.length === 0 && (
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
