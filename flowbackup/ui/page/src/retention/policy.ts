/** Keep rules as a form has them, and as they are sent: `retention:` of a graph. */
import { secondsOf } from "../text/time";

export const PERIODS = ["hourly", "daily", "weekly", "monthly", "quarterly", "yearly"] as const;
export type Period = (typeof PERIODS)[number];

/** Numbers stand as they were typed, "" for none; `within` and its likes as in 30d. */
export interface Form {
  last: string;
  counts: Record<Period, string>;
  within: string;
  tags: string;
  copies: string;
}

export const EMPTY_FORM: Form = {
  last: "",
  counts: { hourly: "", daily: "", weekly: "", monthly: "", quarterly: "", yearly: "" },
  within: "",
  tags: "",
  copies: "1",
};

export const USUAL_FORM: Form = {
  ...EMPTY_FORM,
  last: "3",
  counts: { ...EMPTY_FORM.counts, daily: "7", weekly: "5", monthly: "12" },
};

export type Keep = Record<string, number | string | string[]>;

export interface Read {
  keep: Keep;
  faults: Record<string, string>;
}

const COUNT_MAX = 1_000_000;

function countOf(text: string): number | null {
  if (text.trim() === "") return 0;
  if (!/^\d+$/.test(text.trim())) return null;
  const count = Number(text);
  return count <= COUNT_MAX ? count : null;
}

/** What is sent, and what cannot be read, by the name of its field. */
export function read(form: Form): Read {
  const keep: Keep = {};
  const faults: Record<string, string> = {};
  const count = (name: string, text: string, least: number) => {
    const value = countOf(text);
    if (value === null || value < least) faults[name] = `a whole number from ${least}, as in 7`;
    else if (value) keep[name] = value;
  };
  count("last", form.last, 0);
  for (const period of PERIODS) count(period, form.counts[period], 0);
  count("copies", form.copies, 1);
  if (form.within.trim()) {
    const seconds = secondsOf(form.within);
    if (seconds === null) faults.within = "a time, as in 30d or 12h";
    else if (seconds) keep.within = `${seconds}s`;
  }
  const tags = form.tags.split(/[\s,]+/).filter(Boolean);
  if (tags.length) keep.tags = tags;
  return { keep, faults };
}

/** No rule wants anything: then only what is protected would stay. */
export function wantsNothing(keep: Keep): boolean {
  return Object.keys(keep).every((name) => name === "copies");
}

/** The options of `flowbackup forget` that say the same. */
export function options(keep: Keep): string[] {
  const words: string[] = [];
  for (const [name, value] of Object.entries(keep)) {
    if (Array.isArray(value)) for (const tag of value) words.push("--keep-tag", tag);
    else if (name === "copies")
      words.push(...(Number(value) > 1 ? ["--copies", String(value)] : []));
    else words.push(`--keep-${name}`, String(value));
  }
  return words;
}
