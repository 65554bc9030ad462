// A coupling while it is drawn: from its beginning, over what lights up, to its drop.
import type { FinalConnectionState, IsValidConnection, OnConnectStartParams } from "@xyflow/react";
import { useCallback, useRef, useState } from "react";
import type { BufferRange, Endpoint } from "../../model/endpoint";
import type { Verdict, Verdicts } from "../../model/legality";
import { buffersOf, groupAt, type Spec } from "../../model/spec";
import { bufferAt } from "./Buffers";
import type { CanvasContext } from "./context";
import { type Dragged, endOf, rangeAt, type Source, verdictFor } from "./coupling";
import type { Refused } from "./Refusal";

interface Drag {
  spec: Spec;
  range: CanvasContext["range"];
  onLegal: (source: Source) => Promise<Verdicts | null>;
  onCouple: (source: Source, target: Endpoint) => Promise<Verdict>;
  onDone: () => void;
}

// A hand is less exact than eleven pixels.
const SLACK = 4;

export function useCouplingDrag({ spec, range, onLegal, onCouple, onDone }: Drag) {
  const [refused, setRefused] = useState<Refused | null>(null);
  // React Flow holds the functions with which a drag began: they read what is known now.
  const [dragged, setDraggedState] = useState<Dragged | null>(null);
  const draggedNow = useRef<Dragged | null>(null);
  const setDragged = useCallback((next: Dragged | null) => {
    draggedNow.current = next;
    setDraggedState(next);
  }, []);

  const onConnectStart = (_: unknown, from: OnConnectStartParams) => {
    const source = sourceOf(from, range);
    if (!source) return;
    setRefused(null);
    setDragged({ source, isJudged: false, verdicts: null });
    void onLegal(source).then((verdicts) => {
      if (draggedNow.current?.source !== source) return;
      setDragged({ source, isJudged: true, verdicts });
    });
  };

  const onConnectEnd = (event: MouseEvent | TouchEvent, state: FinalConnectionState) => {
    const at = "changedTouches" in event ? event.changedTouches[0] : event;
    const drag = draggedNow.current;
    setDragged(null);
    const target = state.toHandle?.type === "target" ? endOf(state.toHandle.id ?? "") : null;
    if (!drag || !target || !at) return;
    const refuse = ({ legal, reason }: Verdict) =>
      setRefused(legal ? null : { x: at.clientX, y: at.clientY, text: reason });
    const verdict = verdictFor(spec, drag, target);
    if (!verdict.legal) return refuse(verdict);
    const buffers = rangeOfDrop(spec, drag.source, target, range, at);
    void onCouple(drag.source, buffers ? { ...target, buffers } : target).then(refuse);
    onDone();
  };

  const isValidConnection: IsValidConnection = ({ targetHandle }) => {
    const target = endOf(targetHandle ?? "");
    const drag = draggedNow.current;
    return Boolean(drag && target && verdictFor(spec, drag, target).legal);
  };

  return { dragged, refused, setRefused, onConnectStart, onConnectEnd, isValidConnection };
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

/** Which buffers of the target are meant: those that are chosen there, else as many as the source
 * has, from the cell on which it was dropped. */
function rangeOfDrop(
  spec: Spec,
  source: Source,
  target: Endpoint,
  range: CanvasContext["range"],
  at: { clientX: number; clientY: number },
): BufferRange | undefined {
  const group = groupAt(spec, target.group);
  if (!target.device || !group) return undefined;
  const name = `${target.group}.${target.device}`;
  if (range?.agent === name) return range.buffers;
  if (source.kind === "client") return undefined;
  // The whole agent takes the drop, so that the strip beneath it is found by its place.
  const strip = document.querySelector(`.buffers[data-agent="${CSS.escape(name)}"]`);
  const box = strip?.getBoundingClientRect();
  const isOn = box && at.clientY >= box.top - SLACK && at.clientY <= box.bottom + SLACK;
  const buffer = strip && isOn ? bufferAt(strip, at.clientX) : null;
  return rangeAt(source.end.buffers, buffer, buffersOf(group.group));
}
