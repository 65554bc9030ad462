// What the server says of texts and graphs.
import type { Positions } from "../model/layout";
import type { Spec } from "../model/spec";
import { type Answer, api } from "./client";
import type { components } from "./types";

type Schemas = components["schemas"];
export type GraphRow = Schemas["GraphRow"];
export type GraphText = Schemas["GraphText"];
export type Template = Schemas["Template"];
export type Finding = Schemas["FindingRow"];
export type DiffLine = Schemas["DiffLine"];
export type LegalTarget = Schemas["LegalTarget"];
/** spec: in the page's words, which say as much of it as the page needs. */
export type Design = Omit<Schemas["Design"], "spec"> & { spec: Spec | null };

export const designing = {
  templates: () => api.get<Template[]>("/api/templates"),
  load: (path: string, signal?: AbortSignal) => api.get<GraphText>(addressOf(path), signal),
  save: (path: string, text: string, before: string, positions: Positions) =>
    api.put<GraphText>(addressOf(path), { text, before, positions }),
  create: (path: string, text: string, positions: Positions) =>
    api.post<GraphText>("/api/graphs", { path, text, positions }),
  check: (text: string, path: string, signal?: AbortSignal) =>
    api.post<Design>("/api/design/check", { text, path }, signal),
  edit: (text: string, spec: Spec, path: string) =>
    api.post<Design>("/api/design/edit", { text, spec, path }),
  legal: (
    text: string,
    source: string,
    path: string,
  ): Promise<Answer<{ targets: LegalTarget[] }>> =>
    api.post("/api/design/legal", { text, source, path }),
  diff: (before: string, after: string) =>
    api.post<DiffLine[]>("/api/design/diff", { before, after }),
};

/** The absolute path follows /api/graphs. */
export function addressOf(path: string): string {
  return `/api/graphs/${path.replace(/^\//, "").split("/").map(encodeURIComponent).join("/")}`;
}
