// A graph to be drawn: what is in it, and where its boxes stand.
import { useEffect, useState } from "react";
import { api } from "../api/client";
import { designing, type GraphText } from "../api/designing";
import type { Positions } from "../model/layout";
import type { Spec } from "../model/spec";

export interface Drawn {
  spec: Spec;
  positions: Positions;
}

/** session: of which the catalog has kept what it ran, "" while none is known.  graph: the file,
 * which has the positions, and the text where no session tells; "" for none. */
export function useDrawn(session: string, graph: string): Drawn | null {
  const [drawn, setDrawn] = useState<Drawn | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    const draw = async () => {
      const [kept, file] = await Promise.all([
        keptText(session, stop.signal),
        fileOf(graph, stop.signal),
      ]);
      const text = kept ?? file?.text;
      if (!text || stop.signal.aborted) return;
      const design = await designing.check(text, graph, stop.signal);
      if (stop.signal.aborted || !design.ok || !design.value.spec) return;
      setDrawn({ spec: design.value.spec, positions: file?.positions ?? {} });
    };
    void draw();
    return () => stop.abort();
  }, [session, graph]);
  return drawn;
}

async function keptText(session: string, signal: AbortSignal): Promise<string | null> {
  if (!session) return null;
  const answer = await api.get<{ graph_text?: string }>(
    `/api/sessions/${encodeURIComponent(session)}`,
    signal,
  );
  return (answer.ok && answer.value.graph_text) || null;
}

async function fileOf(graph: string, signal: AbortSignal): Promise<GraphText | null> {
  if (!graph) return null;
  const answer = await designing.load(graph, signal);
  return answer.ok ? answer.value : null;
}
