import "./facts.css";

interface BarProps {
  label: string;
  /** From 0 to 1; null while nobody knows. */
  share: number | null;
  tone?: "accent" | "good" | "warn" | "bad";
}

/** A share of something.  What is unknown moves, and has no number. */
export function Bar({ label, share, tone = "accent" }: BarProps) {
  const isKnown = share !== null;
  return (
    <div
      className="bar"
      data-tone={tone}
      data-unknown={!isKnown || undefined}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={isKnown ? Math.floor(share * 100) : undefined}
      aria-valuetext={isKnown ? undefined : "unknown"}
    >
      <span style={isKnown ? { width: `${Math.min(1, Math.max(0, share)) * 100}%` } : undefined} />
    </div>
  );
}
