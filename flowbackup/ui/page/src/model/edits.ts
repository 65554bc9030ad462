// Edits of a graph: each takes a Spec and gives another; what an edit does not touch is the same value.
import { type BufferRange, type Endpoint, endpointText } from "./endpoint";
import { mapEnds } from "./ends";
import { freeName, takenNames } from "./names";
import {
  type ClientSpec,
  type GroupSpec,
  groupAt,
  type Key,
  type Keys,
  type ObjectSpec,
  type Role,
  SECTION_OF,
  type Spec,
} from "./spec";

/** A new graph and the keys of what is new in it. */
export interface Made {
  spec: Spec;
  keys: Keys;
}

const FIRST_NAMES: Record<Role, string> = {
  backup: "primary",
  mirror: "mirror",
  restore: "readers",
  copy: "archive",
};

/** Sets what stands at `keys`; undefined deletes it, and what is left empty around it. */
export function setAt(spec: Spec, keys: Keys, value: unknown): Spec {
  return changed(spec, keys, value) as Spec;
}

/** What stands at `keys`. */
export function valueAt(spec: Spec, keys: Keys): unknown {
  return keys.reduce<unknown>((at, key) => (at as Record<Key, unknown> | undefined)?.[key], spec);
}

function changed(at: unknown, keys: Keys, value: unknown): unknown {
  const [key, ...rest] = keys;
  if (key === undefined) return value;
  if (Array.isArray(at)) {
    const next = rest.length ? changed(at[Number(key)], rest, value) : value;
    return next === undefined
      ? at.filter((_, index) => index !== key)
      : at.map((item, index) => (index === key ? next : item));
  }
  const around = (at ?? {}) as Record<Key, unknown>;
  const next = rest.length ? changed(around[key], rest, value) : value;
  if (next === undefined) {
    const { [key]: _, ...others } = around;
    return others;
  }
  return { ...around, [key]: next };
}

export function addClient(spec: Spec, wanted = "client"): Made {
  const name = freeName(wanted, takenNames(spec, "clients"));
  const client: ClientSpec = { objects: { data: firstObject(spec, "data") } };
  return { spec: setAt(spec, ["clients", name], client), keys: ["clients", name] };
}

export function addObject(spec: Spec, client: string, wanted = "data"): Made {
  const objects = spec.clients?.[client]?.objects ?? {};
  const name = freeName(wanted, Object.keys(objects));
  const keys = ["clients", client, "objects", name];
  return { spec: setAt(spec, keys, firstObject(spec, name)), keys };
}

function firstObject(spec: Spec, path: string): ObjectSpec {
  const groups = Object.keys(spec.backup_groups ?? {});
  return groups.length > 1 && groups[0] ? { path, group: groups[0] } : { path };
}

/** Below the folder of the graph: the page may not reach far beyond it. */
export function addDevice(spec: Spec, wanted = "disk1"): Made {
  const name = freeNumbered(wanted, takenNames(spec, "devices"));
  const keys = ["devices", name];
  return { spec: setAt(spec, keys, { path: `devices/${name}` }), keys };
}

export function addNode(spec: Spec, wanted = "node1"): Made {
  const name = freeNumbered(wanted, takenNames(spec, "nodes"));
  return { spec: setAt(spec, ["nodes", name], {}), keys: ["nodes", name] };
}

/** A group with one device of its own: a group without any cannot be written.  A restore group reads
 * what a device holds that is written already, if there is one. */
export function addGroup(spec: Spec, role: Role, wanted = FIRST_NAMES[role]): Made {
  const name = freeName(wanted, takenNames(spec, "groups"));
  const keys = [SECTION_OF[role], name];
  const written = role === "restore" ? firstWritten(spec) : undefined;
  if (written) return { spec: setAt(spec, keys, { devices: [written] }), keys };
  const device = addDevice(spec);
  const group: GroupSpec = { devices: [String(device.keys[1])] };
  const grouped = setAt(device.spec, keys, group);
  return { spec: role === "backup" ? withGroupsNamed(spec, grouped) : grouped, keys };
}

/** With a second backup group, objects must say which one takes them: the one that did. */
function withGroupsNamed(before: Spec, after: Spec): Spec {
  const [only, ...others] = Object.keys(before.backup_groups ?? {});
  if (!only || others.length) return after;
  return mapObjects(after, (object) => (object.group ? object : { ...object, group: only }));
}

function firstWritten(spec: Spec): string | undefined {
  return Object.values(spec.backup_groups ?? {})[0]?.devices[0];
}

/** One more agent for a group: of `device`, or of a new one. */
export function addAgent(spec: Spec, group: string, device?: string): Made {
  const at = groupAt(spec, group);
  if (!at) return { spec, keys: [] };
  const made = device ? { spec, keys: ["devices", device] } : addDevice(spec);
  const devices = [...at.group.devices, String(made.keys[1])];
  const keys = [at.section, group, "devices"];
  return { spec: setAt(made.spec, keys, devices), keys: [...keys, devices.length - 1] };
}

/** Takes an agent out of its group; the group goes with its last one. */
export function removeAgent(spec: Spec, group: string, device: string): Spec {
  const at = groupAt(spec, group);
  if (!at) return spec;
  const devices = at.group.devices.filter((name) => name !== device);
  if (!devices.length) return remove(spec, [at.section, group]);
  const next = setAt(spec, [at.section, group, "devices"], devices);
  return withoutEnds(next, (end) => end.group === group && end.device === device);
}

/** Writes a coupling: as `mirrors:` or `copies:` where whole groups meet and the target has none
 * yet, else as an item of couplings. */
export function couple(spec: Spec, source: Endpoint, target: Endpoint): Made {
  const at = groupAt(spec, target.group);
  const word = at?.role === "mirror" ? "mirrors" : at?.role === "copy" ? "copies" : "";
  const isWhole = !target.device && !target.buffers && !source.buffers;
  if (at && word && isWhole && !at.group[word]) {
    const keys = [at.section, target.group, word];
    return { spec: setAt(spec, keys, endpointText(source)), keys };
  }
  const couplings = [
    ...(spec.couplings ?? []),
    `${endpointText(source)} -> ${endpointText(target)}`,
  ];
  return { spec: { ...spec, couplings }, keys: ["couplings", couplings.length - 1] };
}

/** Gives an object to a backup group; to some buffers of one of its agents, if a range is said. */
export function assign(spec: Spec, client: string, object: string, to: Endpoint): Made {
  const keys = ["clients", client, "objects", object];
  const { group: _, buffers: __, ...rest } = (valueAt(spec, keys) ?? {}) as ObjectSpec;
  const next: ObjectSpec = { ...rest };
  if (Object.keys(spec.backup_groups ?? {}).length > 1) next.group = to.group;
  if (to.device && to.buffers) next.buffers = pinned(to.device, to.buffers);
  return { spec: setAt(spec, keys, next), keys };
}

function pinned(device: string, { first, last }: BufferRange): string {
  return `${device}[${first}:${last}]`;
}

/** Deletes what stands at `keys`, and what names it: a part that is gone is coupled to nothing. */
export function remove(spec: Spec, keys: Keys): Spec {
  const [section, name] = keys;
  const next = tidied(setAt(spec, keys, undefined), String(section));
  if (keys.length !== 2 || typeof name !== "string") return next;
  if (section === "devices") return withoutDevice(next, name);
  if (section === "nodes") return withoutNode(next, name);
  if (groupAt(spec, name)?.section === section) {
    const free = mapObjects(next, (object) =>
      object.group === name ? unassigned(object) : object,
    );
    return withoutEnds(free, (end) => end.group === name);
  }
  return next;
}

function tidied(spec: Spec, section: string): Spec {
  const value = spec[section];
  const isEmpty = typeof value === "object" && value !== null && !Object.keys(value).length;
  return isEmpty ? setAt(spec, [section], undefined) : spec;
}

function withoutDevice(spec: Spec, device: string): Spec {
  let next = spec;
  for (const role of Object.keys(SECTION_OF) as Role[]) {
    for (const [name, group] of Object.entries(spec[SECTION_OF[role]] ?? {})) {
      if (group.devices.includes(device)) next = removeAgent(next, name, device);
      if (!group.reserve?.includes(device)) continue;
      const reserve = group.reserve.filter((other) => other !== device);
      next = setAt(next, [SECTION_OF[role], name, "reserve"], reserve.length ? reserve : undefined);
    }
  }
  return next;
}

function withoutNode(spec: Spec, node: string): Spec {
  let next = spec;
  for (const section of ["devices", "clients"] as const) {
    for (const [name, part] of Object.entries(spec[section] ?? {})) {
      if (part.node === node) next = setAt(next, [section, name, "node"], undefined);
    }
  }
  return next;
}

function unassigned({ group: _, buffers: __, ...rest }: ObjectSpec): ObjectSpec {
  return rest;
}

function withoutEnds(spec: Spec, isGone: (end: Endpoint) => boolean): Spec {
  return mapEnds(spec, (end) => (isGone(end) ? null : end));
}

/** Renames a node, client, object, device or group everywhere where it is named. */
export function rename(spec: Spec, keys: Keys, name: string): Spec {
  const [section, old] = keys;
  const last = keys.at(-1);
  if (last === name || last === undefined) return spec;
  const around = valueAt(spec, keys.slice(0, -1)) as Record<string, unknown>;
  const renamed = Object.fromEntries(
    Object.entries(around).map(([key, value]) => [key === last ? name : key, value]),
  );
  const next = setAt(spec, keys.slice(0, -1), renamed);
  if (keys.length !== 2) return next;
  if (section === "devices") return withDeviceNamed(next, String(old), name);
  if (section === "nodes") return withNodeNamed(next, String(old), name);
  if (section === "clients") return next;
  const assigned = mapObjects(next, (object) =>
    object.group === old ? { ...object, group: name } : object,
  );
  return mapEnds(assigned, (end) => (end.group === old ? { ...end, group: name } : end));
}

function withDeviceNamed(spec: Spec, old: string, name: string): Spec {
  const to = (device: string) => (device === old ? name : device);
  let next = mapGroups(spec, (group) => ({
    ...group,
    devices: group.devices.map(to),
    ...(group.reserve ? { reserve: group.reserve.map(to) } : {}),
  }));
  next = mapObjects(next, (object) =>
    object.buffers?.startsWith(`${old}[`)
      ? { ...object, buffers: name + object.buffers.slice(old.length) }
      : object,
  );
  return mapEnds(next, (end) => (end.device === old ? { ...end, device: name } : end));
}

function withNodeNamed(spec: Spec, old: string, name: string): Spec {
  let next = spec;
  for (const section of ["devices", "clients"] as const) {
    for (const [part, value] of Object.entries(spec[section] ?? {})) {
      if (value.node === old) next = setAt(next, [section, part, "node"], name);
    }
  }
  return next;
}

function mapGroups(spec: Spec, map: (group: GroupSpec) => GroupSpec): Spec {
  const next = { ...spec };
  for (const section of Object.values(SECTION_OF)) {
    const groups = spec[section];
    if (!groups) continue;
    next[section] = Object.fromEntries(
      Object.entries(groups).map(([name, group]) => [name, map(group)]),
    );
  }
  return next;
}

function mapObjects(spec: Spec, map: (object: ObjectSpec) => ObjectSpec): Spec {
  if (!spec.clients) return spec;
  const clients = Object.entries(spec.clients).map(([name, client]) => {
    if (!client.objects) return [name, client] as const;
    const objects = Object.entries(client.objects).map(
      ([key, value]) => [key, map(value)] as const,
    );
    return [name, { ...client, objects: Object.fromEntries(objects) }] as const;
  });
  return { ...spec, clients: Object.fromEntries(clients) };
}

function freeNumbered(wanted: string, taken: string[]): string {
  const stem = wanted.replace(/\d+$/, "");
  if (stem === wanted) return freeName(wanted, taken);
  for (let count = Number(wanted.slice(stem.length)); ; count += 1) {
    const name = `${stem}${count}`;
    if (freeName(name, taken) === name) return name;
  }
}
