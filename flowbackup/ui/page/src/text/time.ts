/** Moments, which the server tells in nanoseconds since 1970. */

const NS_PER_MS = 1e6;

function moment(ns: number | string): Date {
  return new Date(Number(ns) / NS_PER_MS);
}

/** Local time to the second, "–" for a time that is not known. */
export function formatTime(ns: number | string | null | undefined): string {
  if (ns == null || Number(ns) === 0) return "–";
  const at = moment(ns);
  const two = (part: number) => String(part).padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

const STEPS: [number, string][] = [
  [86_400 * 365, "year"],
  [86_400 * 30, "month"],
  [86_400, "day"],
  [3600, "hour"],
  [60, "minute"],
];

/** "3 days ago"; "never" for a time that is not known. */
export function formatAgo(ns: number | string | null | undefined, nowMs: number): string {
  if (ns == null || Number(ns) === 0) return "never";
  const seconds = (nowMs - moment(ns).getTime()) / 1000;
  if (seconds < -60) return `at ${formatTime(ns)}`;
  for (const [size, word] of STEPS) {
    const count = Math.floor(seconds / size);
    if (count >= 1) return `${count} ${word}${count === 1 ? "" : "s"} ago`;
  }
  return "just now";
}

const SECONDS: Record<string, number> = { s: 1, m: 60, min: 60, h: 3600, d: 86_400 };
const PART = /(\d+(?:\.\d+)?)\s*([a-z]+)\s*/y;

/** Seconds of "30d", "1h30m"; null for what is none. */
export function secondsOf(text: string): number | null {
  const plain = text.trim().toLowerCase();
  if (plain === "" || plain === "0") return plain === "0" ? 0 : null;
  let seconds = 0;
  let at = 0;
  while (at < plain.length) {
    PART.lastIndex = at;
    const found = PART.exec(plain);
    const unit = found && SECONDS[found[2] ?? ""];
    if (!found || !unit) return null;
    seconds += Number(found[1]) * unit;
    at = PART.lastIndex;
  }
  return Math.round(seconds);
}
