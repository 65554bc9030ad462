/** Which copies a restore reads, or would read, and why: in sentences. */

import type { Detour, Explanation, MediumUse } from "../sessions/report";
import { counted } from "../text/size";

/** Why this medium is the first choice of so many frames, or why it is none. */
export function whyText(use: MediumUse): string {
  const reasons = Object.entries(use.reasons).map(
    ([why, frames]) => `${why}: ${counted(frames, "frame")}`,
  );
  if (use.busy_with) reasons.push(`busy with ${use.busy_with}`);
  if (use.fault) reasons.push(`not reachable: ${use.fault}`);
  return reasons.join("; ") || "never the first choice";
}

export function detourText(detour: Detour): string {
  return `frame ${detour.frame} comes from ${detour.taken_from}, because ${detour.failures.join("; ")}`;
}

/** Those that are read first; what cannot be reached last. */
export function inOrder(explanation: Explanation): MediumUse[] {
  const rank = (use: MediumUse) => (use.fault ? 2 : use.frames ? 0 : 1);
  return [...explanation.media].sort(
    (one, other) => rank(one) - rank(other) || other.frames - one.frames,
  );
}
