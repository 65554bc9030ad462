import { useState } from "react";
import { RunningNow } from "../home/RunningNow";
import { Empty, FaultNote, Loading, useAsked } from "../loading";
import { Button } from "../parts";
import "../home/home.css";
import type { SessionRow } from "../sessions/report";
import { SessionLight } from "../sessions/SessionList";
import { hashOf } from "../shell/routes";
import { Name } from "../text/Name";
import { formatSeconds } from "../text/size";
import { formatTime } from "../text/time";
import { StartDialog } from "./StartDialog";
import type { ToldRow } from "./told";

const AGAIN_SECONDS = 3;
const RECENT_MAX = 8;

/** What runs now, what ran last, and a way to run something. */
export function RunList() {
  const runs = useAsked<{ rows: ToldRow[] }>("/api/runs", AGAIN_SECONDS);
  const sessions = useAsked<{ rows: SessionRow[] }>(`/api/sessions?limit=${RECENT_MAX}`, 10);
  const [isStarting, setStarting] = useState(false);
  const live = (runs.value?.rows ?? []).filter((run) => run.state === "running");
  return (
    <div className="screen">
      <header className="spread">
        <h1>Run</h1>
        <Button kind="primary" onClick={() => setStarting(true)}>
          Run a graph
        </Button>
      </header>
      {runs.fault && <FaultNote fault={runs.fault} again={runs.again} />}
      {runs.isLoading && !runs.value && <Loading />}
      <RunningNow rows={live} />
      {runs.value && live.length === 0 && (
        <Empty title="Nothing runs at this moment">
          Run a graph, here or on the command line: both are watched here.
        </Empty>
      )}
      {sessions.value && sessions.value.rows.length > 0 && (
        <section className="stack" aria-labelledby="recent">
          <h2 id="recent">Ran last</h2>
          <ul className="recent">
            {sessions.value.rows.map((row) => (
              <li key={row.session}>
                <a href={hashOf(row.state === "running" ? "run" : "sessions", row.session)}>
                  <Name text={row.graph || row.kind} />
                </a>
                <span className="soft">{row.kind}</span>
                <span className="soft nowrap">{formatTime(row.started_ns)}</span>
                <span className="soft nowrap">
                  {row.outcome ? formatSeconds(row.duration_seconds) : ""}
                </span>
                <SessionLight row={row} />
              </li>
            ))}
          </ul>
        </section>
      )}
      {isStarting && <StartDialog onClose={() => setStarting(false)} />}
    </div>
  );
}
