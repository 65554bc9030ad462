// An end of a coupling as written: a group, one of its agents, and perhaps some of its buffers.
import type { CouplingSpec } from "./spec";

export interface BufferRange {
  first: number;
  last: number;
}

export interface Endpoint {
  group: string;
  device?: string;
  buffers?: BufferRange;
}

export interface Coupling {
  source: Endpoint;
  target: Endpoint;
}

const ENDPOINT = /^([^\s.[\]]+)(?:\.([^\s.[\]]+))?(?:\s*\[\s*(\d+)\s*:\s*(\d+)\s*\])?$/;

/** "group", "group.device" or "group.device[0:4]"; null for anything else. */
export function parseEndpoint(text: string): Endpoint | null {
  const match = ENDPOINT.exec(text.trim());
  if (!match?.[1]) return null;
  const end: Endpoint = { group: match[1] };
  if (match[2]) end.device = match[2];
  if (match[3] && match[4]) {
    const buffers = { first: Number(match[3]), last: Number(match[4]) };
    if (buffers.first >= buffers.last) return null;
    end.buffers = buffers;
  }
  return end;
}

export function endpointText({ group, device, buffers }: Endpoint): string {
  const agent = device ? `${group}.${device}` : group;
  return buffers ? `${agent}${rangeText(buffers)}` : agent;
}

export function rangeText({ first, last }: BufferRange): string {
  return `[${first}:${last}]`;
}

/** Both ends of "source -> target", or of {from, to}; null where one is not readable. */
export function parseCoupling(written: CouplingSpec): Coupling | null {
  const [from, to, more] =
    typeof written === "string" ? written.split("->") : [written.from, written.to];
  const source = parseEndpoint(from ?? "");
  const target = parseEndpoint(to ?? "");
  return source && target && more === undefined ? { source, target } : null;
}

export function couplingText(source: Endpoint, target: Endpoint): string {
  return `${endpointText(source)} -> ${endpointText(target)}`;
}
