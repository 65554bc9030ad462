// What is known while a coupling is being dragged: from where, and where it may end.
import { type BufferRange, type Endpoint, endpointText } from "../../model/endpoint";
import { type Verdict, type Verdicts, verdictOf, verdictOfObject } from "../../model/legality";
import type { Spec } from "../../model/spec";

/** A client has object "" for all of its objects. */
export type Source =
  | { kind: "agent"; end: Endpoint }
  | { kind: "client"; client: string; object: string };

/** isJudged: the server has answered, if it can be asked.  verdicts: null until then. */
export interface Dragged {
  source: Source;
  isJudged: boolean;
  verdicts: Verdicts | null;
}

/** How the server calls a source. */
export function sourceText(source: Source): string {
  if (source.kind === "agent") return endpointText(source.end);
  return source.client;
}

export function verdictFor(spec: Spec, dragged: Dragged, target: Endpoint): Verdict {
  const { source, verdicts } = dragged;
  const { group, device } = target;
  const said = verdicts?.get(device ? `${group}.${device}` : group);
  if (said) return said;
  return source.kind === "client"
    ? verdictOfObject(spec, target)
    : verdictOf(spec, source.end, target);
}

/** The end that a handle stands for: "group/primary", "agent/primary.nas". */
export function endOf(id: string): Endpoint | null {
  const name = id.replace(/^(group|agent)\//, "");
  if (name === id) return null;
  const [group = "", device] = name.split(".");
  return device ? { group, device } : { group };
}

/** Which buffers of a target are taken: as many as the source has, from where it was dropped; if
 * they do not fit there, the last ones; none said where the source has no range. */
export function rangeAt(
  source: BufferRange | undefined,
  buffer: number | null,
  most: number,
): BufferRange | undefined {
  if (!source) return undefined;
  const length = source.last - source.first;
  if (length > most) return { first: 0, last: most };
  const wished = buffer ?? (source.last <= most ? source.first : 0);
  const first = Math.min(wished, most - length);
  return { first, last: first + length };
}
