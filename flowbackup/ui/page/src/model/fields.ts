// What forms and tables show of each part: the keys of the graph file, with their own words.
import type { Keys, Role, Spec } from "./spec";

export type PartKind = "graph" | "node" | "client" | "object" | "device" | Role | "coupling";

/** list: "a, b".  number: whole.  values: what can be chosen, "" being the default.  names: which
 * names of the graph are offered. */
export interface FieldInfo {
  key: string;
  label: string;
  kind: "text" | "number" | "list" | "choice" | "flag";
  hint?: string;
  values?: readonly string[];
  names?: "nodes" | "devices" | "backup" | "feeders" | "readers" | "ends";
  placeholder?: string;
  /** Also a column of the table. */
  inTable?: boolean;
  /** Below a fold of the form. */
  isRare?: boolean;
}

const DEVICES: FieldInfo = {
  key: "devices",
  label: "Devices",
  kind: "list",
  names: "devices",
  hint: "One media agent for each.",
  inTable: true,
};
const BUFFERS: FieldInfo = {
  key: "buffers",
  label: "Buffers",
  kind: "number",
  placeholder: "8",
  hint: "Frames that each agent may hold in memory.",
  inTable: true,
};
const RATE: FieldInfo = {
  key: "rate_limit",
  label: "Rate limit",
  kind: "text",
  placeholder: "none",
  hint: "As in 80 MB/s.",
  isRare: true,
};
const COUNTS: FieldInfo[] = [
  {
    key: "min",
    label: "Min devices",
    kind: "number",
    hint: "Below it the group fails.",
    isRare: true,
  },
  { key: "max", label: "Max devices", kind: "number", hint: "Used at once.", isRare: true },
  {
    key: "reserve",
    label: "Reserve",
    kind: "list",
    names: "devices",
    hint: "They take the place of failed ones.",
    isRare: true,
  },
];
const ON_FAILURE: FieldInfo = {
  key: "on_failure",
  label: "On failure",
  kind: "choice",
  values: ["required", "optional"],
  hint: "Is a session complete without this copy?",
  inTable: true,
};
const WHEN_SLOW: FieldInfo[] = [
  {
    key: "when_slow",
    label: "When slow",
    kind: "choice",
    values: ["block", "detach"],
    hint: "Slow the session down, or go on without it.",
    isRare: true,
  },
  { key: "lag_max", label: "Lag at most", kind: "text", placeholder: "its buffers", isRare: true },
];
const ASSIGN: FieldInfo = {
  key: "assign",
  label: "Assign",
  kind: "choice",
  values: ["frame", "object"],
  hint: "What is given to the agent with most credit.",
  isRare: true,
};

export const FIELDS: Record<PartKind, readonly FieldInfo[]> = {
  graph: [
    {
      key: "copies",
      label: "Copies",
      kind: "number",
      hint: "Durable copies that make an object complete; empty: on every required agent.",
    },
    { key: "catalog", label: "Catalog", kind: "text", placeholder: "the user's" },
    { key: "frame_size", label: "Frame size", kind: "text", placeholder: "16 MiB" },
    { key: "sync_size", label: "Commit after", kind: "text", placeholder: "32 MiB" },
    { key: "engine", label: "Engine", kind: "choice", values: ["auto", "local", "ray"] },
    {
      key: "transport",
      label: "Transport",
      kind: "choice",
      values: ["direct", "object-store"],
      isRare: true,
    },
  ],
  node: [],
  client: [
    {
      key: "node",
      label: "Node",
      kind: "text",
      names: "nodes",
      placeholder: "here",
      inTable: true,
    },
  ],
  object: [
    { key: "path", label: "Path", kind: "text", placeholder: "/srv/data", inTable: true },
    {
      key: "command",
      label: "Command",
      kind: "list",
      hint: "Instead of a path: its output is the object.",
      isRare: true,
    },
    {
      key: "group",
      label: "Backup group",
      kind: "text",
      names: "backup",
      placeholder: "the only one",
      inTable: true,
    },
    {
      key: "buffers",
      label: "Buffers",
      kind: "text",
      placeholder: "any",
      hint: "The only ones it may use, as in nas[0:4].",
      inTable: true,
    },
    { key: "exclude", label: "Exclude", kind: "list", hint: "As in a .gitignore." },
    { key: "one_file_system", label: "One file system only", kind: "flag", isRare: true },
    { key: "exclude_caches", label: "Leave out caches", kind: "flag", isRare: true },
    {
      key: "exclude_larger_than",
      label: "Exclude larger than",
      kind: "text",
      placeholder: "any size",
      isRare: true,
    },
  ],
  device: [
    { key: "path", label: "Path", kind: "text", placeholder: "/mnt/disk", inTable: true },
    {
      key: "node",
      label: "Node",
      kind: "text",
      names: "nodes",
      placeholder: "here",
      inTable: true,
    },
    {
      key: "rate",
      label: "Writes at",
      kind: "text",
      placeholder: "not known",
      hint: "For predictions, as in 120 MB/s.",
      inTable: true,
    },
    { ...RATE, isRare: false },
    {
      key: "media_size",
      label: "Size of a medium",
      kind: "text",
      placeholder: "one without limit",
      isRare: true,
    },
    { key: "block_size", label: "Block size", kind: "text", placeholder: "4096", isRare: true },
    {
      key: "kind",
      label: "Kind",
      kind: "choice",
      values: ["directory", "s3", "tape", "null"],
      isRare: true,
    },
    {
      key: "url",
      label: "Address",
      kind: "text",
      placeholder: "s3://bucket/prefix",
      hint: "Of kind s3, instead of a path.",
      isRare: true,
    },
    {
      key: "endpoint",
      label: "Server",
      kind: "text",
      placeholder: "Amazon",
      hint: "Of kind s3.",
      isRare: true,
    },
    {
      key: "region",
      label: "Region",
      kind: "text",
      placeholder: "of the environment",
      isRare: true,
    },
    {
      key: "changer",
      label: "Changer",
      kind: "text",
      placeholder: "/dev/sg3",
      hint: "Of kind tape.",
      isRare: true,
    },
  ],
  backup: [DEVICES, BUFFERS, ASSIGN, ...COUNTS, RATE],
  mirror: [
    {
      key: "mirrors",
      label: "Mirrors",
      kind: "text",
      names: "feeders",
      placeholder: "by couplings",
      hint: "The group or agent that feeds it.",
      inTable: true,
    },
    DEVICES,
    BUFFERS,
    ON_FAILURE,
    { key: "level", label: "Level", kind: "number", placeholder: "as coupled", isRare: true },
    ...WHEN_SLOW,
    ...COUNTS,
    RATE,
  ],
  restore: [{ ...DEVICES, hint: "One media agent reads each." }, BUFFERS],
  copy: [
    {
      key: "copies",
      label: "Copies",
      kind: "text",
      names: "readers",
      placeholder: "by couplings",
      hint: "The restore group that feeds it.",
      inTable: true,
    },
    DEVICES,
    BUFFERS,
    ON_FAILURE,
    {
      key: "after",
      label: "After",
      kind: "choice",
      values: ["session", "command"],
      hint: "Copy at the end of each run, or only by flowbackup copy.",
    },
    ASSIGN,
    ...COUNTS,
    RATE,
  ],
  coupling: [
    { key: "from", label: "From", kind: "text", names: "ends", inTable: true },
    { key: "to", label: "To", kind: "text", names: "ends", inTable: true },
    { ...ON_FAILURE, values: ["", "required", "optional"] },
    ...WHEN_SLOW.map((field) =>
      field.kind === "choice" ? { ...field, values: ["", "block", "detach"] } : field,
    ),
    RATE,
  ],
};

const KIND_OF_SECTION: Record<string, PartKind> = {
  nodes: "node",
  clients: "client",
  devices: "device",
  backup_groups: "backup",
  mirror_groups: "mirror",
  restore_groups: "restore",
  copy_groups: "copy",
  couplings: "coupling",
};

/** The part that holds what stands at `keys`, and its kind: as ["devices", "nas"] of
 * ["devices", "nas", "path"].  The graph itself where nothing narrower is named. */
export function partOf(spec: Spec, keys: Keys): { kind: PartKind; keys: Keys } {
  const [section, name, within, object] = keys;
  const kind = KIND_OF_SECTION[String(section)];
  if (!kind || name === undefined) return { kind: "graph", keys: [] };
  if (kind === "client" && within === "objects" && object !== undefined) {
    return { kind: "object", keys: keys.slice(0, 4) };
  }
  const around = spec[String(section)] as Record<string, unknown> | undefined;
  return around?.[name] === undefined
    ? { kind: "graph", keys: [] }
    : { kind, keys: keys.slice(0, 2) };
}

/** As in an input. */
export function shownValue(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (Array.isArray(value)) return value.map(String).join(", ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** What an input says, as it stands in the graph; undefined for the default. */
export function readValue(field: FieldInfo, text: string): unknown {
  const trimmed = text.trim();
  if (!trimmed) return undefined;
  if (field.kind === "list") {
    const items = trimmed.split(",").map((item) => item.trim());
    return items.filter(Boolean);
  }
  if (field.kind === "number") return /^\d+$/.test(trimmed) ? Number(trimmed) : trimmed;
  if (field.kind === "flag") return trimmed === "true" ? true : undefined;
  if (field.kind === "choice" && field.values?.[0] === trimmed) return undefined;
  // A size may be a bare number of bytes; a name or a path of digits stays a word.
  const isWord = field.names || field.key === "path" || field.key === "catalog";
  return /^\d+$/.test(trimmed) && !isWord ? Number(trimmed) : trimmed;
}
