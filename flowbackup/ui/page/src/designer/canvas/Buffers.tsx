// The buffers of an agent as a strip of cells, of which some can be chosen.
import type { CSSProperties, PointerEvent, SyntheticEvent } from "react";
import type { BufferRange } from "../../model/endpoint";

interface BuffersProps {
  agent: string;
  count: number;
  chosen: BufferRange | null;
  onChoose: (range: BufferRange | null) => void;
}

/** Drag over cells to choose them; a click on what is chosen lets go.  By keyboard, ranges are
 * written in the table. */
export function Buffers({ agent, count, chosen, onChoose }: BuffersProps) {
  const begin = (event: PointerEvent<HTMLDivElement>) => {
    if (event.button !== 0) return;
    event.stopPropagation();
    const strip = event.currentTarget;
    const first = bufferAt(strip, event.clientX);
    const isOne = chosen && chosen.first === first && chosen.last === first + 1;
    onChoose(isOne ? null : { first, last: first + 1 });
    if (isOne) return;
    strip.setPointerCapture(event.pointerId);
    strip.onpointermove = (move) => {
      const at = bufferAt(strip, move.clientX);
      onChoose({ first: Math.min(first, at), last: Math.max(first, at) + 1 });
    };
    strip.onpointerup = () => {
      strip.onpointermove = null;
      strip.onpointerup = null;
    };
  };
  const style = {
    "--cells": Math.min(count, CELLS_DRAWN_MAX),
    "--first": chosen ? chosen.first / count : 0,
    "--part": chosen ? (chosen.last - chosen.first) / count : 0,
  } as CSSProperties;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: by keyboard, ranges are written in the table
    // biome-ignore lint/a11y/useKeyWithClickEvents: the click only keeps away from the box around it
    <div
      className="buffers nodrag nopan"
      data-agent={agent}
      data-count={count}
      style={style}
      title={`${count} buffers: drag over some of them to couple only these`}
      onPointerDown={begin}
      onClick={stop}
    />
  );
}

// The box around it is chosen by a click elsewhere on it.
function stop(event: SyntheticEvent): void {
  event.stopPropagation();
}

// More would be a grey surface.
const CELLS_DRAWN_MAX = 32;

/** Which buffer lies at a place of the screen. */
export function bufferAt(strip: Element, clientX: number): number {
  const { left, width } = strip.getBoundingClientRect();
  const count = Number(strip.getAttribute("data-count"));
  const part = width ? (clientX - left) / width : 0;
  return Math.max(0, Math.min(count - 1, Math.floor(part * count)));
}
