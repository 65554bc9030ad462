import { Empty, FaultNote, Loading, More, useAsked, useRows } from "../loading";
import { Light } from "../parts";
import type { ToldRow } from "../run/told";
import { hashOf, type Route } from "../shell/routes";
import { FirstUse } from "./FirstUse";
import { counts, headline, type HomeRow, worstFirst } from "./lights";
import { ObjectRow } from "./ObjectRow";
import { RunningNow } from "./RunningNow";
import "./home.css";

const AGAIN_SECONDS = 5;

/** The first look: one light for each object. */
export default function Home(_: { route: Route }) {
  const list = useRows<HomeRow>("/api/home");
  const runs = useAsked<{ rows: ToldRow[] }>("/api/runs", AGAIN_SECONDS);
  const rows = worstFirst(list.rows);
  const isKnown = !list.fault && (rows.length > 0 || !list.isLoading);
  return (
    <div className="screen">
      {isKnown && rows.length > 0 && (
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
      {list.fault && <FaultNote fault={list.fault} again={list.again} />}
      {list.isLoading && rows.length === 0 && <Loading />}
      <RunningNow rows={runs.value?.rows ?? []} />
      {isKnown && rows.length === 0 && <FirstUse />}
      {rows.length > 0 && (
        <ul className="objects" aria-label="Objects">
          {rows.map((row) => (
            <ObjectRow key={`${row.client}/${row.object}`} row={row} />
          ))}
        </ul>
      )}
      <More list={list} />
      {isKnown && rows.length > 0 && rows.every((row) => !row.next_run) && (
        <Empty
          title="Nothing runs by itself yet"
          actions={
            <a className="button" href={hashOf("design")}>
              Open a graph
            </a>
          }
        >
          <code>flowbackup schedule install GRAPH.yaml</code> has a graph run at set times.
        </Empty>
      )}
    </div>
  );
}
