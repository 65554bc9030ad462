/** How far a run is.  100 % means durable, so that a run that still flows never shows it. */

import { formatCount, formatSize } from "../text/size";
import type { RunState } from "./state";
import { hasEnded } from "./state";

const FLOWING_SHARE_MAX = 0.99;

/** From 0 to 1; null while the total is unknown.  What is behind the slowest edge counts. */
export function doneShare(run: RunState): number | null {
  if (run.state === "finished") return run.outcome === "success" ? 1 : null;
  if (run.bytes_total == null || hasEnded(run)) return null;
  if (run.bytes_total === 0) return run.files_total ? FLOWING_SHARE_MAX * filesShare(run) : null;
  return Math.min(FLOWING_SHARE_MAX, run.bytes_read / run.bytes_total);
}

function filesShare(run: RunState): number {
  return run.files_total ? Math.min(1, run.files / run.files_total) : 0;
}

/** "12 of 40 files, 3 MiB of 8 MiB read"; unknown totals are called unknown. */
export function doneText(run: RunState): string {
  const files = `${formatCount(run.files)}${run.files_total == null ? "" : ` of ${formatCount(run.files_total)}`} files`;
  const read = `${formatSize(run.bytes_read)}${run.bytes_total == null ? "" : ` of ${formatSize(run.bytes_total)}`} read`;
  const lacks = hasEnded(run) || (run.files_total != null && run.bytes_total != null);
  return `${files}, ${read}${lacks ? "" : " (total unknown)"}`;
}

/** Seconds that it may take yet, by what was read until now; null where nobody can say. */
export function secondsLeft(run: RunState): number | null {
  const share = doneShare(run);
  if (share == null || share < 0.02 || share >= FLOWING_SHARE_MAX || run.seconds < 3) return null;
  return (run.seconds * (1 - share)) / share;
}
