// What the page knows by itself of whether a coupling is legal: what roles feed what, and that
// nothing feeds itself or is fed twice.  The server's answer, which knows every rule, replaces it.
import { type Endpoint, endpointText } from "./endpoint";
import { couplingsOf } from "./ends";
import { groupAt, type Role, type Spec } from "./spec";

export interface Verdict {
  legal: boolean;
  reason: string;
}

/** Target -> verdict, by "group" and "group.agent". */
export type Verdicts = ReadonlyMap<string, Verdict>;

const FED_BY: Record<Role, readonly Role[]> = {
  mirror: ["backup", "mirror", "copy"],
  copy: ["restore"],
  backup: [],
  restore: [],
};
const LEGAL: Verdict = { legal: true, reason: "" };

/** As far as can be said without the server. */
export function verdictOf(spec: Spec, source: Endpoint, target: Endpoint): Verdict {
  const feeds = groupAt(spec, source.group);
  const fed = groupAt(spec, target.group);
  if (!feeds || !fed) return no("there is no such group");
  if (feeds.name === fed.name) return no(`"${endpointText(source)}" feeds itself`);
  if (!FED_BY[fed.role].includes(feeds.role)) {
    return no(
      `${feeds.role} group "${feeds.name}" feeds "${fed.name}", which is a ${fed.role} group`,
    );
  }
  if (isBehind(spec, fed.name, feeds.name)) return no("the chain closes to a cycle");
  return LEGAL;
}

/** For a data object: backup groups take it. */
export function verdictOfObject(spec: Spec, target: Endpoint): Verdict {
  const at = groupAt(spec, target.group);
  if (at?.role === "backup") return LEGAL;
  return no(`clients feed backup groups, and "${target.group}" is a ${at?.role} group`);
}

function no(reason: string): Verdict {
  return { legal: false, reason };
}

/** Does anything of `group` lead to `other`? */
function isBehind(spec: Spec, group: string, other: string): boolean {
  const leads = new Map<string, string[]>();
  for (const { source, target } of couplingsOf(spec)) {
    leads.set(source.group, [...(leads.get(source.group) ?? []), target.group]);
  }
  const seen = new Set([group]);
  const queue = [group];
  for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
    if (at === other) return true;
    for (const next of leads.get(at) ?? []) {
      if (!seen.has(next)) queue.push(next);
      seen.add(next);
    }
  }
  return false;
}
