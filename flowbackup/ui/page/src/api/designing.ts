// What the server says of texts and graphs.
import type { Positions } from "../model/layout";
import type { Spec } from "../model/spec";
import { type Answer, api, type Finding } from "./client";

export interface GraphRow {
  name: string;
  path: string;
  changed_ns: string;
}

export interface GraphText {
  name: string;
  path: string;
  text: string;
  version: string;
  positions: Positions;
}

export interface Template {
  name: string;
  title: string;
  text: string;
}

export interface Design {
  text: string;
  spec: Spec | null;
  findings: Finding[];
  memory: { node: string; bytes: number }[];
  bottleneck: string;
  rate: number | null;
}

export interface LegalTarget {
  target: string;
  legal: boolean;
  reason: string;
}

export interface DiffLine {
  kind: "same" | "add" | "del";
  text: string;
}

export const designing = {
  graphs: () => api.get<{ rows: GraphRow[] }>("/api/graphs"),
  templates: () => api.get<Template[]>("/api/templates"),
  load: (path: string) => api.get<GraphText>(addressOf(path)),
  save: (path: string, text: string, before: string, positions: Positions) =>
    api.put<GraphText>(addressOf(path), { text, before, positions }),
  create: (path: string, text: string, positions: Positions) =>
    api.post<GraphText>("/api/graphs", { path, text, positions }),
  check: (text: string, path: string) => api.post<Design>("/api/design/check", { text, path }),
  edit: (text: string, spec: Spec, path: string) =>
    api.post<Design>("/api/design/edit", { text, spec, path }),
  legal: (text: string, source: string, path: string): Promise<Answer<{ targets: LegalTarget[] }>> =>
    api.post("/api/design/legal", { text, source, path }),
  diff: (before: string, after: string) =>
    api.post<DiffLine[]>("/api/design/diff", { before, after }),
};

/** The absolute path follows /api/graphs. */
function addressOf(path: string): string {
  return `/api/graphs/${path.replace(/^\//, "").split("/").map(encodeURIComponent).join("/")}`;
}
