// Couplings that somebody draws or writes: tried first, with the rules of `graph check`.
import { saidOf } from "../api/client";
import { type Design, designing } from "../api/designing";
import { assign, couple } from "../model/edits";
import type { Endpoint } from "../model/endpoint";
import type { Verdict, Verdicts } from "../model/legality";
import type { Spec } from "../model/spec";
import { type Source, sourceText } from "./canvas/coupling";
import type { Draft } from "./draft/draft";

/** Makes the coupling in the draft if it is legal; says why not, else. */
export async function tryCoupling(
  draft: Draft,
  source: Source,
  target: Endpoint,
): Promise<Verdict> {
  await draft.settled();
  const { spec, text } = draft.now;
  const next = withCoupling(spec, source, target);
  const answer = await designing.edit(text, next, draft.state.path);
  if (!answer.ok) return { legal: false, reason: saidOf(answer.fault) };
  const before = draft.state.design;
  const reason = source.kind === "client" ? "" : reasonOf(before, answer.value);
  if (reason) return { legal: false, reason };
  draft.editSpec(next);
  return { legal: true, reason: "" };
}

/** Where a coupling from `source` may end; null where the server does not say.  Of a part of the
 * buffers it would say no everywhere, until an object is assigned to that part: where these may end
 * is said by what the page knows, and by the trial at the drop. */
export async function legalTargets(draft: Draft, source: Source): Promise<Verdicts | null> {
  if (source.kind === "agent" && source.end.buffers) return null;
  await draft.settled();
  const asked = sourceText(source);
  const answer = await designing.legal(draft.now.text, asked, draft.state.path);
  if (!answer.ok) return null;
  return new Map(answer.value.targets.map(({ target, ...verdict }) => [target, verdict]));
}

function withCoupling(spec: Spec, source: Source, target: Endpoint): Spec {
  if (source.kind === "agent") return couple(spec, source.end, target).spec;
  const all = Object.keys(spec.clients?.[source.client]?.objects ?? {});
  const objects = source.object ? [source.object] : all;
  return objects.reduce((at, object) => assign(at, source.client, object, target).spec, spec);
}

/** The first error at a coupling that was not there before.  What is wrong elsewhere, as an object
 * that now lies half inside of what is mirrored, is for the next step of whoever draws. */
function reasonOf(before: Design | null, after: Design): string {
  const known = new Set(before?.findings.map((one) => `${one.rule} ${one.reason}`));
  const found = after.findings.find(
    ({ severity, keys, rule, reason }) =>
      severity === "error" && isOfCoupling(keys.map(String)) && !known.has(`${rule} ${reason}`),
  );
  return found ? `${found.reason}. ${found.remedy}`.trim() : "";
}

function isOfCoupling(keys: string[]): boolean {
  return keys[0] === "couplings" || keys[2] === "mirrors" || keys[2] === "copies";
}
