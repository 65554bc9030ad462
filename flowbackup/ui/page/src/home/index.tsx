import { useState } from "react";
import { FaultNote, Loading, useAsked } from "../loading";
import { Button, Light } from "../parts";
import type { ToldRow } from "../run/told";
import type { Route } from "../shell/routes";
import { visible } from "../text/visible";
import { FirstUse } from "./FirstUse";
import { counts, type HomeRow, headline, worstFirst } from "./lights";
import { ObjectRow } from "./ObjectRow";
import { RunningNow } from "./RunningNow";
import "./home.css";

const AGAIN_SECONDS = 5;
const SHOWN = 100;

interface Standing {
  rows: HomeRow[];
  interrupted: string;
}

/** The first look: one light for each object. */
export default function Home(_: { route: Route }) {
  const standing = useAsked<Standing>("/api/home", AGAIN_SECONDS);
  const runs = useAsked<{ rows: ToldRow[] }>("/api/runs", AGAIN_SECONDS);
  const [shown, setShown] = useState(SHOWN);
  const rows = worstFirst(standing.value?.rows ?? []);
  const interrupted = standing.value?.interrupted;
  return (
    <div className="screen">
      {rows.length > 0 && (
        <header className="stack">
          <h1>{headline(rows)}</h1>
          <div className="row">
            {counts(rows).map(([light, count]) => (
              <Light key={light} state={light}>
                {count} {light}
              </Light>
            ))}
          </div>
        </header>
      )}
      {standing.fault && <FaultNote fault={standing.fault} again={standing.again} />}
      {standing.isLoading && !standing.value && <Loading />}
      {interrupted && (
        <p className="note" data-tone="warn">
          {visible(interrupted)}
        </p>
      )}
      <RunningNow rows={runs.value?.rows ?? []} />
      {standing.value && rows.length === 0 && <FirstUse />}
      {rows.length > 0 && (
        <ul className="objects" aria-label="Objects">
          {rows.slice(0, shown).map((row) => (
            <ObjectRow key={`${row.client}/${row.object}`} row={row} />
          ))}
        </ul>
      )}
      {rows.length > shown && (
        <div className="more">
          <Button onClick={() => setShown(shown + SHOWN)}>Show more</Button>
        </div>
      )}
      {rows.length > 0 && rows.every((row) => !row.next_run_ns) && (
        <p className="soft">
          No timer is known here: <code>flowbackup schedule install GRAPH.yaml</code> has a graph
          run at set times.
        </p>
      )}
    </div>
  );
}
