// Names of things, as spec/names.py allows them.
import { groupsOf, type Spec } from "./spec";

const LENGTH_MAX = 64;
const PLAIN = /^[A-Za-z0-9][A-Za-z0-9_-]*$/;
const DOTTED = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;

/** What is wrong with a name, or "". dotted: of graphs, nodes, clients and objects. */
export function faultOfName(name: string, dotted: boolean, taken: Iterable<string> = []): string {
  if (!name) return "A name is needed.";
  if (name.length > LENGTH_MAX) return `A name has at most ${LENGTH_MAX} characters.`;
  if (!(dotted ? DOTTED : PLAIN).test(name)) {
    const marks = dotted ? '".", "-" and "_"' : '"-" and "_"';
    return `Names hold letters, digits, ${marks}, and begin with a letter or digit.`;
  }
  const folded = name.toLowerCase();
  for (const other of taken) {
    if (other.toLowerCase() === folded) return `"${other}" exists already.`;
  }
  return "";
}

/** `wanted`, or `wanted2`, ...: the first that is not taken. */
export function freeName(wanted: string, taken: Iterable<string>): string {
  const folded = new Set([...taken].map((name) => name.toLowerCase()));
  for (let count = 1; ; count += 1) {
    const name = count === 1 ? wanted : `${wanted}${count}`;
    if (!folded.has(name.toLowerCase())) return name;
  }
}

/** Names of one kind that the graph has; groups of all roles share theirs. */
export function takenNames(spec: Spec, kind: "nodes" | "clients" | "devices" | "groups"): string[] {
  if (kind === "groups") return groupsOf(spec).map((one) => one.name);
  return Object.keys(spec[kind] ?? {});
}
