// The picture of what a run runs: of the graph that its session has kept, or else of its file.
import { useEffect, useState } from "react";
import { api } from "../api/client";
import type { Picture } from "../live/picture";

interface Design {
  picture: Picture | null;
}

/** session: "" while it is not known.  graph: its file, "" where there is none. */
export function usePicture(session: string, graph: string): Picture | null {
  const [picture, setPicture] = useState<Picture | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    const draw = async () => {
      const text = (await keptText(session, stop.signal)) ?? (await fileText(graph, stop.signal));
      if (!text || stop.signal.aborted) return;
      const design = await api.post<Design>("/api/design/check", { text, ...(graph ? { path: graph } : {}) }, stop.signal);
      if (design.ok && design.value.picture) setPicture(design.value.picture);
    };
    void draw();
    return () => stop.abort();
  }, [session, graph]);
  return picture;
}

async function keptText(session: string, signal: AbortSignal): Promise<string | null> {
  if (!session) return null;
  const answer = await api.get<{ graph_text?: string }>(`/api/sessions/${encodeURIComponent(session)}`, signal);
  return (answer.ok && answer.value.graph_text) || null;
}

async function fileText(graph: string, signal: AbortSignal): Promise<string | null> {
  if (!graph) return null;
  const answer = await api.get<{ text: string }>(`/api/graphs${encodeURI(graph)}`, signal);
  return answer.ok ? answer.value.text : null;
}
