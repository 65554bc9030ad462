// What there is to draw of a graph: boxes with their sizes, and lines between them.  Where they
// stand is for layout.ts.
import { type Endpoint, parseEndpoint, rangeText } from "./endpoint";
import { couplingsOf } from "./ends";
import {
  agentsOf,
  buffersOf,
  type ClientSpec,
  type GroupAt,
  groupsOf,
  HERE,
  type Keys,
  type Role,
  type Spec,
} from "./spec";

/** An agent inside its frame; at: from the corner of the frame. */
export interface AgentBox {
  id: string;
  name: string;
  device: string;
  place: string;
  at: { x: number; y: number };
}

/** A frame around the agents of a group. */
export interface GroupBox {
  kind: "group";
  id: string;
  name: string;
  role: Role;
  keys: Keys;
  buffers: number;
  agents: AgentBox[];
  note: string;
  width: number;
  height: number;
}

export interface ClientBox {
  kind: "client";
  id: string;
  name: string;
  keys: Keys;
  node: string;
  objects: { name: string; source: string; pinned: string }[];
  more: number;
  width: number;
  height: number;
}

export type Box = GroupBox | ClientBox;

/** source, target: ids of boxes or agents.  kind: "feeds" for couplings, "gives" from clients,
 * "reads" from what wrote a device to what reads it.  keys: where it is written. */
export interface Line {
  id: string;
  kind: "feeds" | "gives" | "reads";
  source: string;
  sourceObject: string;
  target: string;
  label: string;
  optional: boolean;
  keys: Keys;
}

export interface Chart {
  boxes: Box[];
  lines: Line[];
}

export const AGENT_WIDTH = 196;
export const AGENT_HEIGHT = 66;
export const AGENT_GAP = 10;
export const FRAME_PADDING = 12;
export const FRAME_HEADER = 40;
export const CLIENT_WIDTH = 224;
export const CLIENT_HEADER = 38;
export const OBJECT_HEIGHT = 26;
const OBJECTS_SHOWN = 8;
// A frame grows downward first: chains are read from left to right.
const AGENTS_IN_COLUMN = 6;

export function clientId(name: string): string {
  return `client/${name}`;
}

export function groupId(name: string): string {
  return `group/${name}`;
}

export function agentId(group: string, device: string): string {
  return `agent/${group}.${device}`;
}

/** each: couplings of whole groups are drawn from agent to agent, as they run. */
export function chartOf(spec: Spec, { each = false } = {}): Chart {
  const clients = Object.entries(spec.clients ?? {}).map(([name, client]) =>
    clientBox(name, client),
  );
  const groups = groupsOf(spec).map((one) => groupBox(spec, one));
  const feeds = feedLines(spec, each);
  return {
    boxes: [...clients, ...groups],
    lines: [...giveLines(spec), ...feeds, ...readLines(spec)],
  };
}

function clientBox(name: string, client: ClientSpec): ClientBox {
  const all = Object.entries(client.objects ?? {});
  const objects = all
    .slice(0, OBJECTS_SHOWN)
    .map(([object, { path, command, stdin, buffers }]) => ({
      name: object,
      source: path ?? (stdin ? "standard input" : (command ?? []).join(" ")),
      pinned: buffers ?? "",
    }));
  const more = all.length - objects.length;
  const rows = Math.max(1, objects.length + (more ? 1 : 0));
  return {
    kind: "client",
    id: clientId(name),
    name,
    keys: ["clients", name],
    node: client.node ?? HERE,
    objects,
    more,
    width: CLIENT_WIDTH,
    height: CLIENT_HEADER + rows * OBJECT_HEIGHT + 8,
  };
}

function groupBox(spec: Spec, { name, role, section, group }: GroupAt): GroupBox {
  const devices = agentsOf(group);
  const inColumn = Math.max(AGENTS_IN_COLUMN, Math.ceil(Math.sqrt(devices.length * 2.5)));
  const columns = Math.max(1, Math.ceil(devices.length / inColumn));
  const rows = Math.max(1, Math.min(devices.length, inColumn));
  const agents = devices.map((device, index) => ({
    id: agentId(name, device),
    name: `${name}.${device}`,
    device,
    place: placeOf(spec, device),
    at: {
      x: FRAME_PADDING + Math.floor(index / inColumn) * (AGENT_WIDTH + AGENT_GAP),
      y: FRAME_HEADER + (index % inColumn) * (AGENT_HEIGHT + AGENT_GAP),
    },
  }));
  return {
    kind: "group",
    id: groupId(name),
    name,
    role,
    keys: [section, name],
    buffers: buffersOf(group),
    agents,
    note: group.on_failure === "optional" ? "optional" : "",
    width: 2 * FRAME_PADDING + columns * (AGENT_WIDTH + AGENT_GAP) - AGENT_GAP,
    height: FRAME_HEADER + rows * (AGENT_HEIGHT + AGENT_GAP) - AGENT_GAP + FRAME_PADDING,
  };
}

function placeOf(spec: Spec, device: string): string {
  const written = spec.devices?.[device];
  if (!written) return "not declared";
  const place = written.path ?? written.url ?? written.kind ?? "";
  return written.node && written.node !== HERE ? `${place} on ${written.node}` : place;
}

/** One line for all objects of a client that go to the same group, one for each that is pinned. */
function giveLines(spec: Spec): Line[] {
  const groups = Object.keys(spec.backup_groups ?? {});
  const only = groups.length === 1 ? (groups[0] ?? "") : "";
  const lines = new Map<string, Line>();
  for (const [client, { objects }] of Object.entries(spec.clients ?? {})) {
    for (const [name, object] of Object.entries(objects ?? {})) {
      const group = object.group ?? only;
      if (!groups.includes(group)) continue;
      const pin = parseEndpoint(object.buffers ? `${group}.${object.buffers}` : "");
      const isPinned = pin?.device && spec.backup_groups?.[group]?.devices.includes(pin.device);
      const target = isPinned && pin.device ? agentId(group, pin.device) : groupId(group);
      const id = isPinned ? `give/${client}/${name}` : `give/${client}/${group}`;
      lines.set(id, {
        id,
        kind: "gives",
        source: clientId(client),
        sourceObject: isPinned ? name : "",
        target,
        label: isPinned && pin.buffers ? rangeText(pin.buffers) : "",
        optional: false,
        keys: isPinned ? ["clients", client, "objects", name] : ["clients", client],
      });
    }
  }
  return [...lines.values()];
}

function feedLines(spec: Spec, each: boolean): Line[] {
  const agents = new Map(groupsOf(spec).map((one) => [one.name, agentsOf(one.group)]));
  const lines: Line[] = [];
  for (const coupling of couplingsOf(spec)) {
    const { source, target, keys, optional } = coupling;
    if (!knows(agents, source) || !knows(agents, target)) continue;
    const pairs = each ? pairsOf(agents, source, target) : [[source, target] as const];
    for (const [from, to] of pairs) {
      lines.push({
        id: `feed/${keys.join("/")}/${endId(from)}/${endId(to)}`,
        kind: "feeds",
        source: endId(from),
        sourceObject: "",
        target: endId(to),
        label: labelOf(source, target),
        optional,
        keys,
      });
    }
  }
  return lines;
}

function knows(agents: Map<string, string[]>, { group, device }: Endpoint): boolean {
  const known = agents.get(group);
  return Boolean(known && (!device || known.includes(device)));
}

/** As plan does: agent i feeds agent i, one feeds all, all feed one. */
function pairsOf(
  agents: Map<string, string[]>,
  source: Endpoint,
  target: Endpoint,
): (readonly [Endpoint, Endpoint])[] {
  const from = source.device ? [source.device] : (agents.get(source.group) ?? []);
  const to = target.device ? [target.device] : (agents.get(target.group) ?? []);
  const count = Math.max(from.length, to.length);
  const at = (list: string[], index: number) => list[list.length === 1 ? 0 : index];
  return Array.from({ length: count }, (_, index) => {
    const [one, other] = [at(from, index), at(to, index)];
    const ends = [{ group: source.group }, { group: target.group }] as [Endpoint, Endpoint];
    if (one) ends[0].device = one;
    if (other) ends[1].device = other;
    return ends;
  });
}

function endId({ group, device }: Endpoint): string {
  return device ? agentId(group, device) : groupId(group);
}

function labelOf(source: Endpoint, target: Endpoint): string {
  const from = source.buffers ? rangeText(source.buffers) : "";
  const to = target.buffers ? rangeText(target.buffers) : "";
  if (!to || to === from) return from;
  return from ? `${from} to ${to}` : `to ${to}`;
}

function readLines(spec: Spec): Line[] {
  const groups = groupsOf(spec);
  const writers = new Map<string, string>();
  for (const { name, role, group } of groups) {
    if (role === "restore") continue;
    for (const device of agentsOf(group)) {
      if (!writers.has(device)) writers.set(device, agentId(name, device));
    }
  }
  return groups
    .filter((one) => one.role === "restore")
    .flatMap(({ name, section, group }) =>
      agentsOf(group).flatMap((device) => {
        const source = writers.get(device);
        if (!source) return [];
        const target = agentId(name, device);
        const id = `read/${source}/${target}`;
        const keys = [section, name, "devices"];
        return [
          {
            id,
            kind: "reads",
            source,
            sourceObject: "",
            target,
            label: "then",
            optional: false,
            keys,
          } as Line,
        ];
      }),
    );
}
