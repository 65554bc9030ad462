import type { ReactNode } from "react";

export type Tone = "good" | "warn" | "bad" | "none";

const TONES: Record<string, Tone> = {
  success: "good",
  complete: "good",
  verified: "good",
  running: "none",
  incomplete: "warn",
  unverified: "warn",
  interrupted: "warn",
  failed: "bad",
  never: "none",
};

/** One word of how something stands, with a mark whose form and colour say the same. */
export function Light({ state, children }: { state: string; children?: ReactNode }) {
  return (
    <span className="state-light" data-tone={TONES[state] ?? "none"}>
      {children ?? state}
    </span>
  );
}
