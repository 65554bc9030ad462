// Names of the graph that a field may hold, and what a part is called.
import type { FieldInfo, PartKind } from "./fields";
import { agentsOf, groupsOf, HERE, type Key, type Keys, type Role, type Spec } from "./spec";

const FEEDERS: readonly Role[] = ["backup", "mirror", "copy"];

export function offersFor(spec: Spec, field: FieldInfo): string[] {
  switch (field.names) {
    case "nodes":
      return [HERE, ...Object.keys(spec.nodes ?? {})];
    case "devices":
      return Object.keys(spec.devices ?? {});
    case "backup":
      return Object.keys(spec.backup_groups ?? {});
    case "feeders":
      return endsOf(spec, FEEDERS);
    case "readers":
      return endsOf(spec, ["restore"]);
    case "ends":
      return endsOf(spec, ["backup", "mirror", "restore", "copy"]);
    default:
      return [];
  }
}

/** Groups of these roles, and the agents of those with several devices. */
function endsOf(spec: Spec, roles: readonly Role[]): string[] {
  return groupsOf(spec)
    .filter((one) => roles.includes(one.role))
    .flatMap(({ name, group }) => [name, ...agentsOf(group).map((device) => `${name}.${device}`)]);
}

export function titleOf(kind: PartKind, keys: Keys): string {
  if (kind === "graph") return "Graph";
  if (kind === "coupling") return "Coupling";
  const name: Key | undefined = keys.at(-1);
  const isGroup = kind === "backup" || kind === "mirror" || kind === "restore" || kind === "copy";
  const word = `${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
  return `${isGroup ? `${word} group` : word} ${name}`;
}
