import { useState } from "react";
import { api, type Fault } from "../api/client";
import type { GraphRow } from "../api/designing";
import { Empty, FaultNote, Loading, useAllRows } from "../loading";
import { Button, ChoiceField } from "../parts";
import { go, hashOf, type Route } from "../shell/routes";
import { visible } from "../text/visible";
import { type Condition, faultOf, requestOf } from "./asked";
import { Comparison } from "./Comparison";
import { Conditions } from "./Conditions";
import { PredictionView } from "./PredictionView";
import type { Prediction } from "./prediction";
import { type Loaded, useGraph } from "./useGraph";
import "./plan.css";

interface Found {
  one: Prediction;
  other: Prediction | null;
}

/** How long a graph would take, what would hold it up, and what if; one or two layouts of it. */
export default function Plan({ route }: { route: Route }) {
  const graphs = useAllRows<GraphRow>("/api/graphs");
  const { rows } = graphs;
  const path = route.rest || rows[0]?.path || "";
  const other = route.query.get("with") ?? "";
  return (
    <div className="screen">
      <header className="stack">
        <h1>Plan</h1>
        <p className="soft">
          A graph is run on a virtual clock: nothing is read or written, and a night takes a second.
        </p>
      </header>
      {graphs.fault && <FaultNote fault={graphs.fault} again={graphs.again} />}
      {graphs.isLoading && rows.length === 0 && <Loading />}
      {!graphs.isLoading && !graphs.fault && rows.length === 0 && !path && (
        <Empty
          title="There is no graph yet"
          actions={
            <a className="button" data-kind="primary" href={hashOf("design")}>
              Draw a chain
            </a>
          }
        />
      )}
      {path && (
        <>
          <div className="plan-choice">
            <GraphChoice
              label="Graph"
              rows={rows}
              path={path}
              onChoose={(next) => choose(next, other)}
            />
            <GraphChoice
              label="Beside it"
              rows={rows}
              path={other}
              none="nothing"
              onChoose={(next) => choose(path, next)}
            />
          </div>
          <Simulation key={`${path} ${other}`} path={path} other={other} />
        </>
      )}
    </div>
  );
}

function choose(path: string, other: string): void {
  go("plan", path, other ? { with: other } : undefined);
}

interface GraphChoiceProps {
  label: string;
  rows: readonly GraphRow[];
  path: string;
  none?: string;
  onChoose: (path: string) => void;
}

function GraphChoice({ label, rows, path, none, onChoose }: GraphChoiceProps) {
  const known = rows.map((row) => row.path);
  const paths = path && !known.includes(path) ? [path, ...known] : known;
  return (
    <ChoiceField
      label={label}
      value={path}
      onChange={(event) => onChoose(event.target.value)}
      choices={[
        ...(none ? [{ value: "", label: none }] : []),
        ...paths.map((each) => ({ value: each, label: visible(each) })),
      ]}
    />
  );
}

function Simulation({ path, other }: { path: string; other: string }) {
  const one = useGraph(path);
  const two = useGraph(other);
  const [rows, setRows] = useState<Condition[]>([]);
  const [found, setFound] = useState<Found | null>(null);
  const [fault, setFault] = useState<Fault | null>(null);
  const [isBusy, setBusy] = useState(false);
  const asked = [one, two].filter((graph): graph is Loaded => graph !== null);
  const loadFault = asked.find((graph) => graph.fault)?.fault;
  const isReady = asked.every((graph) => graph.text !== null) && asked.length > 0;

  const simulate = async () => {
    setBusy(true);
    setFault(null);
    const answers = await Promise.all(
      asked.map((graph) =>
        api.post<Prediction>(
          "/api/plan/simulate",
          requestOf(graph.text ?? "", graph.path, own(rows, graph)),
        ),
      ),
    );
    setBusy(false);
    const failed = answers.find((answer) => !answer.ok);
    if (failed && !failed.ok) return setFault(failed.fault);
    const [first, second] = answers.flatMap((answer) => (answer.ok ? [answer.value] : []));
    if (first) setFound({ one: first, other: second ?? null });
  };

  return (
    <>
      {loadFault && <FaultNote fault={loadFault} />}
      {!isReady && !loadFault && <Loading what="Reading the graph" />}
      {isReady && (
        <section className="panel stack" aria-labelledby="what-if">
          <h2 id="what-if">What if</h2>
          <Conditions rows={rows} onChange={setRows} graphs={asked} />
          <div className="row">
            <Button kind="primary" disabled={isBusy || rows.some(faultOf)} onClick={simulate}>
              {isBusy ? "Simulating…" : "Simulate"}
            </Button>
            {rows.some(faultOf) && <span className="soft">A row is not complete yet.</span>}
          </div>
        </section>
      )}
      {fault && <FaultNote fault={fault} />}
      {found?.other && <Comparison one={found.one} other={found.other} names={[path, other]} />}
      {found && (
        <div className="plan-sides" data-two={found.other ? true : undefined}>
          <PredictionView found={found.one} drawn={one?.drawn ?? null} />
          {found.other && <PredictionView found={found.other} drawn={two?.drawn ?? null} />}
        </div>
      )}
    </>
  );
}

/** Only what is said of devices, clients and objects that this graph has. */
function own(rows: readonly Condition[], graph: Loaded): Condition[] {
  const names = new Set([...graph.devices, ...graph.clients, ...graph.objects, ...graph.nodes]);
  return rows.filter((row) => row.what === "size" || names.has(row.name));
}
