/** A medium as the server tells of it, and what is to be said of its soundness. */

import type { LightState } from "../sessions/report";
import { counted } from "../text/size";

export type Care = "verify" | "repair";

/** Numbers are null where nothing is known of them. */
export interface MediumRow {
  device: string;
  medium: string;
  pool: string;
  set_number: number | null;
  location: string;
  node: string;
  created_ns: string | number;
  free_bytes: number | null;
  frames: number | null;
  frames_verified: number | null;
  frames_damaged: number | null;
  verified_oldest_ns: string | number | null;
  verified_newest_ns: string | number | null;
}

/** A medium that is not where it was, and the versions that nobody else has. */
export interface LostRow {
  device: string;
  medium: string;
  location: string;
  fault: string;
  versions: { object: string; object_id: string; frames: number }[];
}

/** How a medium stands; lost: null for one that is where it should be. */
export interface Standing {
  light: LightState;
  word: string;
  /** What to do about it next; "" where nothing is to be done. */
  advice: string;
}

/** Green is only what was read back whole. */
export function standingOf(row: MediumRow, lost: LostRow | null): Standing {
  if (lost) {
    const word = lost.versions.length ? "away, and takes objects along" : "away";
    return {
      light: "failed",
      word,
      advice: "Bring it back, or put another in its place and repair that.",
    };
  }
  const { frames, frames_verified: verified, frames_damaged: damaged } = row;
  if (frames === null || verified === null)
    return { light: "unverified", word: "not known", advice: VERIFY };
  if (damaged) {
    return {
      light: "failed",
      word: `${counted(damaged, "frame")} damaged`,
      advice: "Repair brings sound ones from the other copies.",
    };
  }
  if (frames === 0) return { light: "never", word: "empty", advice: "" };
  if (verified >= frames) return { light: "success", word: "verified whole", advice: "" };
  if (verified === 0) return { light: "unverified", word: "never verified", advice: VERIFY };
  return {
    light: "unverified",
    word: `${Math.floor((100 * verified) / frames)} % verified`,
    advice: VERIFY,
  };
}

const VERIFY = "Verify reads what was not read back yet.";
