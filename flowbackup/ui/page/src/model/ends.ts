// Every place of a graph where an end of a coupling is written.
import { type Endpoint, endpointText, parseCoupling, parseEndpoint } from "./endpoint";
import { type CouplingSpec, type GroupSpec, groupsOf, type Keys, type Spec } from "./spec";

/** A coupling, wherever it is written. */
export interface WrittenCoupling {
  keys: Keys;
  source: Endpoint;
  target: Endpoint;
  optional: boolean;
}

/** All couplings: those that groups write, then the explicit ones. */
export function couplingsOf(spec: Spec): WrittenCoupling[] {
  const found: WrittenCoupling[] = [];
  const optional = new Map<string, boolean>();
  for (const { name, section, group } of groupsOf(spec)) {
    optional.set(name, group.on_failure === "optional");
    for (const word of ["mirrors", "copies"] as const) {
      const source = parseEndpoint(String(group[word] ?? ""));
      if (!source) continue;
      const isOptional = group.on_failure === "optional";
      found.push({
        keys: [section, name, word],
        source,
        target: { group: name },
        optional: isOptional,
      });
    }
  }
  for (const [index, written] of (spec.couplings ?? []).entries()) {
    const ends = parseCoupling(written);
    if (!ends) continue;
    const said = typeof written === "string" ? undefined : written.on_failure;
    const isOptional = said ? said === "optional" : (optional.get(ends.target.group) ?? false);
    found.push({ keys: ["couplings", index], ...ends, optional: isOptional });
  }
  return found;
}

/** Changes every end; a coupling one of whose ends becomes null is deleted. */
export function mapEnds(spec: Spec, map: (end: Endpoint) => Endpoint | null): Spec {
  const next = { ...spec };
  for (const section of ["mirror_groups", "copy_groups"] as const) {
    const groups = spec[section];
    if (!groups) continue;
    next[section] = Object.fromEntries(
      Object.entries(groups).map(([name, group]) => [name, withEnds(group, map)]),
    );
  }
  if (!spec.couplings) return next;
  const couplings = spec.couplings.flatMap((written) => mappedCoupling(written, map));
  if (couplings.length) return { ...next, couplings };
  const { couplings: _, ...others } = next;
  return others as Spec;
}

function withEnds(group: GroupSpec, map: (end: Endpoint) => Endpoint | null): GroupSpec {
  const next = { ...group };
  for (const word of ["mirrors", "copies"] as const) {
    const end = parseEndpoint(group[word] ?? "");
    if (!end) continue;
    const mapped = map(end);
    if (mapped) next[word] = endpointText(mapped);
    else delete next[word];
  }
  return next;
}

function mappedCoupling(
  written: CouplingSpec,
  map: (end: Endpoint) => Endpoint | null,
): CouplingSpec[] {
  const ends = parseCoupling(written);
  if (!ends) return [written];
  const source = map(ends.source);
  const target = map(ends.target);
  if (!source || !target) return [];
  const [from, to] = [endpointText(source), endpointText(target)];
  return [typeof written === "string" ? `${from} -> ${to}` : { ...written, from, to }];
}
