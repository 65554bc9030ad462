/** What somebody wants to know of a graph, row by row, and the request that asks it. */
import { secondsOf } from "../text/time";

export type What = "rate" | "size" | "fail" | "room" | "lost";

/** value: "80MB/s", "2TB"; at: a time since the start, as in 600s, where one belongs to it. */
export interface Condition {
  what: What;
  name: string;
  value: string;
  at: string;
}

export interface Request {
  text: string;
  path: string;
  rates?: Record<string, string>;
  sizes?: Record<string, string>;
  fails?: Record<string, string>;
  rooms?: Record<string, string>;
  lost?: Record<string, string>;
  seed: number;
}

export const WORDS: Record<What, { title: string; value: string; at: string; sample: string }> = {
  rate: { title: "is as fast as", value: "rate", at: "from then on", sample: "80MB/s" },
  size: { title: "is as large as", value: "size", at: "", sample: "2TB" },
  fail: { title: "dies", value: "", at: "at", sample: "600s" },
  room: { title: "is full behind", value: "size", at: "", sample: "500GB" },
  lost: { title: "what is lost if it dies", value: "", at: "at", sample: "600s" },
};

const SIZE = /^\d+(\.\d+)?\s*([kmgt]i?b?|b)?$/i;
const PER_SECOND = /\/\s*s$/i;

function isSize(text: string): boolean {
  return SIZE.test(text.trim());
}

/** As a number of seconds, or with units. */
function isTime(text: string): boolean {
  return /^\d+(\.\d+)?$/.test(text.trim()) || secondsOf(text) !== null;
}

/** What is wrong with a row; "" if nothing is. */
export function faultOf(row: Condition): string {
  if (row.name === "") return "say of which";
  if (row.what === "rate" && !isSize(row.value.trim().replace(PER_SECOND, "")))
    return "write a rate, as in 80MB/s";
  if ((row.what === "size" || row.what === "room") && !isSize(row.value))
    return "write a size, as in 2TB";
  const needsTime = row.what === "fail" || row.what === "lost";
  if ((needsTime || row.at.trim() !== "") && !isTime(row.at))
    return "write a time since the start, as in 600s";
  return "";
}

const KEYS: Record<What, "rates" | "sizes" | "fails" | "rooms" | "lost"> = {
  rate: "rates",
  size: "sizes",
  fail: "fails",
  room: "rooms",
  lost: "lost",
};

/** Rows with faults are left out; the form says so of them. */
export function requestOf(
  text: string,
  path: string,
  rows: readonly Condition[],
  seed = 0,
): Request {
  const request: Request = { text, path, seed };
  for (const row of rows) {
    if (faultOf(row)) continue;
    const at = row.at.trim();
    const isMoment = row.what === "fail" || row.what === "lost";
    const value = isMoment
      ? at
      : row.what === "rate" && at
        ? `${row.value.trim()}@${at}`
        : row.value.trim();
    const key = KEYS[row.what];
    const name = row.name === ALL_OBJECTS ? "" : row.name;
    request[key] = { ...request[key], [name]: value };
  }
  return request;
}

/** A size of each object that has no own. */
export const ALL_OBJECTS = "each object";
