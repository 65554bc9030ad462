import { useEffect, useState } from "react";
import type { Fault } from "../api/client";
import { designing } from "../api/designing";
import { FaultNote, Loading } from "../loading";
import type { Route } from "../shell/routes";
import { Draft } from "./draft/draft";
import { newDraft, openDraft } from "./draft/drafts";
import { Editor } from "./Editor";
import { Start } from "./Start";
import "./designer.css";
import "./canvas/canvas.css";

/** The chain designer: #/design for what there is, #/design/PATH for a file, #/design/new for a
 * graph that has none yet. */
export default function Design({ route }: { route: Route }) {
  const { rest, query } = route;
  if (!rest) return <Start />;
  return <Opening key={`${rest}?${query}`} path={rest} query={query} />;
}

function Opening({ path, query }: { path: string; query: URLSearchParams }) {
  const [found, setFound] = useState<Draft | Fault | null>(null);
  useEffect(() => {
    let isGone = false;
    const opened = path === "new" ? begun(query) : openDraft(path);
    void opened.then((one) => !isGone && setFound(one));
    return () => {
      isGone = true;
    };
  }, [path, query]);
  if (!found) return <Loading what="Opening the graph" />;
  if (found instanceof Draft) return <Editor draft={found} />;
  return (
    <div className="screen">
      <h1>Design</h1>
      <FaultNote fault={found} />
    </div>
  );
}

async function begun(query: URLSearchParams): Promise<Draft | Fault> {
  const name = query.get("name") ?? "nightly";
  const wanted = query.get("template");
  const key = `new?${query}`;
  if (!wanted) return newDraft(key, name, `graph: ${name}\n`);
  const answer = await designing.templates();
  if (!answer.ok) return answer.fault;
  const template = answer.value.find((one) => one.name === wanted);
  const text = template?.text.replace(/^graph:.*$/m, `graph: ${name}`);
  return newDraft(key, name, text ?? `graph: ${name}\n`);
}
