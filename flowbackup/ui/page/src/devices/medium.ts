/** A medium as the server tells of it, and what is to be said of its soundness. */

import type { LightState } from "../sessions/report";
import { counted } from "../text/size";

export interface MediumRow {
  device: string;
  medium: string;
  pool: string;
  location: string;
  node: string;
  created_ns: string | number | null;
  free_bytes: number | null;
  total_bytes: number | null;
  reachable: boolean;
  fault: string;
  frames: number;
  frames_verified: number;
  frames_damaged: number;
  verified_oldest_ns: string | number | null;
  verified_newest_ns: string | number | null;
  bytes_held: number | null;
  lost?: { object: string; object_id: string; frames: number }[];
}

/** Green is only what was read back whole. */
export function mediumLight(row: MediumRow): LightState {
  if (!row.reachable || row.frames_damaged > 0) return "failed";
  if (row.frames === 0) return "never";
  return row.frames_verified >= row.frames ? "success" : "unverified";
}

export function mediumWord(row: MediumRow): string {
  if (!row.reachable) return row.lost?.length ? "away, and takes objects along" : "away";
  if (row.frames_damaged > 0) return `${counted(row.frames_damaged, "frame")} damaged`;
  if (row.frames === 0) return "empty";
  if (row.frames_verified === 0) return "never verified";
  if (row.frames_verified >= row.frames) return "verified whole";
  return `${Math.floor((100 * row.frames_verified) / row.frames)} % verified`;
}

/** What to do about it next; "" where nothing is to be done. */
export function mediumAdvice(row: MediumRow): string {
  if (!row.reachable) return "Bring it back, or repair another device in its place.";
  if (row.frames_damaged > 0) return "Repair brings sound frames from the other copies.";
  if (row.frames > 0 && row.frames_verified < row.frames) return "Verify reads what was not read back yet.";
  return "";
}

/** From 0 to 1 of its room, null where nobody knows. */
export function usedShare(row: MediumRow): number | null {
  if (row.free_bytes == null || !row.total_bytes) return null;
  return Math.min(1, Math.max(0, 1 - row.free_bytes / row.total_bytes));
}
