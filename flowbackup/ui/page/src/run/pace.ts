/** A rate as somebody writes it. */

const FACTORS: Record<string, number> = {
  "": 1,
  b: 1,
  k: 1024,
  kib: 1024,
  kb: 1e3,
  m: 1024 ** 2,
  mib: 1024 ** 2,
  mb: 1e6,
  g: 1024 ** 3,
  gib: 1024 ** 3,
  gb: 1e9,
};

/** Bytes per second of "20MB/s"; null for none at all, undefined for what cannot be read. */
export function rateOf(written: string): number | null | undefined {
  if (written.trim() === "") return null;
  const found = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*(?:\/\s*s)?\s*$/i.exec(written);
  const factor = found && FACTORS[(found[2] ?? "").toLowerCase()];
  if (!found || !factor) return undefined;
  const rate = Math.round(Number(found[1]) * factor);
  return rate > 0 ? rate : undefined;
}
