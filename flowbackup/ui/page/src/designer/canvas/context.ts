// What boxes on the canvas need from around them.
import { createContext, useContext } from "react";
import type { BufferRange, Endpoint } from "../../model/endpoint";
import type { Verdict } from "../../model/legality";
import type { Keys } from "../../model/spec";

/** range: the buffers that are chosen, of one agent at a time. */
export interface CanvasContext {
  chosen: string;
  troubled: ReadonlySet<string>;
  range: { agent: string; buffers: BufferRange } | null;
  choose: (keys: Keys) => void;
  chooseRange: (agent: string, buffers: BufferRange | null) => void;
  addAgent: (group: string) => void;
  verdict: (target: Endpoint) => Verdict | null;
}

export const Around = createContext<CanvasContext | null>(null);

export function useAround(): CanvasContext {
  const around = useContext(Around);
  if (!around) throw new Error("a box stands outside of the canvas");
  return around;
}

/** Keys as one word, to compare them. */
export function keyText(keys: Keys): string {
  return keys.join("/");
}
