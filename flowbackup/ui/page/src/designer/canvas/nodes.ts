// From a chart to what React Flow draws.  What did not change stays the same value, so that it is
// not drawn again.
import { MarkerType } from "@xyflow/react";
import type { Box, Chart, Line } from "../../model/chart";
import { boxOf, type Positions } from "../../model/layout";
import type { Keys } from "../../model/spec";
import type { ClientNodeType } from "./ClientNode";
import { keyText } from "./context";
import type { GroupNodeType } from "./GroupNode";
import type { LineEdgeType } from "./LineEdge";

export type ChainNode = ClientNodeType | GroupNodeType;

/** Data of boxes by id, kept where a box is as it was. */
export type Known = Map<string, { text: string; data: { box: Box } }>;

export function nodesOf(chart: Chart, positions: Positions, known: Known): ChainNode[] {
  return chart.boxes.map((box) => {
    const text = JSON.stringify(box);
    const before = known.get(box.id);
    const data = before?.text === text ? before.data : { box };
    known.set(box.id, { text, data });
    return {
      id: box.id,
      type: box.kind === "group" ? "groupBox" : "clientBox",
      position: positions[box.id] ?? { x: 0, y: 0 },
      width: box.width,
      height: box.height,
      data,
      ariaLabel: `${box.kind === "group" ? `${box.role} group` : "client"} ${box.name}`,
    } as ChainNode;
  });
}

/** What React Flow has found out of boxes that it drew before stays known: without it, their lines
 * would be gone until they are measured again. */
export function carried(drawn: ChainNode[], before: readonly ChainNode[]): ChainNode[] {
  const known = new Map(before.map((node) => [node.id, node]));
  return drawn.map((node) => {
    const old = known.get(node.id);
    if (!old) return node;
    const isSame = old.data === node.data && old.position === node.position;
    if (isSame) return old;
    return { ...node, ...(old.measured ? { measured: old.measured } : {}) } as ChainNode;
  });
}

export function edgesOf(chart: Chart, chosen: Keys): LineEdgeType[] {
  const at = keyText(chosen);
  return chart.lines.map((line) =>
    edgeOf(line, line.kind === "feeds" && keyText(line.keys) === at),
  );
}

function edgeOf(line: Line, chosen: boolean): LineEdgeType {
  return {
    id: line.id,
    type: "line",
    source: boxOf(line.source),
    sourceHandle: sourceHandleOf(line),
    target: boxOf(line.target),
    targetHandle: line.target,
    className: `line ${line.kind}${line.optional ? " optional" : ""}${chosen ? " chosen" : ""}`,
    markerEnd: { type: MarkerType.ArrowClosed, width: 16, height: 16, color: "var(--line-strong)" },
    ariaLabel: `${line.source} to ${line.target} ${line.label}`,
    data: { line, chosen },
    // Lines of clients and readers follow from other keys: not deleted as couplings are.
    selectable: line.kind !== "reads",
    focusable: line.kind === "feeds",
  };
}

function sourceHandleOf(line: Line): string {
  if (!line.source.startsWith("client/")) return line.source;
  return line.sourceObject ? `object/${line.sourceObject}` : "all";
}
