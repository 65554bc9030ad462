import { FlowPicture } from "../live/FlowPicture";
import { Plot } from "../live/Plot";
import { useDrawn } from "../live/useDrawn";
import { FaultNote, Loading } from "../loading";
import { ReportView } from "../sessions/ReportView";
import { parts } from "../sessions/report";
import { capital } from "../sessions/SessionDetail";
import { hashOf } from "../shell/routes";
import { Name } from "../text/Name";
import { formatRate } from "../text/size";
import { EdgeTable } from "./EdgeTable";
import { Ending } from "./Ending";
import { agentLooks, edgeLooks } from "./looks";
import { Messages } from "./Messages";
import { Progress } from "./Progress";
import { RunControls } from "./RunControls";
import { hasEnded } from "./state";
import { CHAINS } from "./told";
import { useRun } from "./useRun";

/** One run: its picture with rates and fill, who waits for whom, and what may be changed. */
export function RunView({ session }: { session: string }) {
  const { run, series, fault, isLost } = useRun(session);
  const known = run && run.session !== run.id ? run.session : "";
  const drawn = useDrawn(known, run?.graph_file ?? "");
  if (fault) {
    return (
      <div className="screen">
        <Back />
        <FaultNote fault={fault} />
        <p>
          It may have ended before: <a href={hashOf("sessions", session)}>look for its report</a>.
        </p>
      </div>
    );
  }
  if (!run) return <div className="screen">{<Loading what="Asking the session" />}</div>;
  const isLive = !hasEnded(run);
  const isChain = CHAINS.includes(run.kind);
  const lines = [...series.lines].map(([name, values]) => ({ name, values }));
  return (
    <div className="screen run">
      <Back />
      <header className="spread">
        <h1>
          {!isChain && `${capital(run.kind)}: `}
          <Name text={run.graph || run.session} />
        </h1>
        {isLive && <RunControls run={run} spec={drawn?.spec ?? null} />}
      </header>
      {isLost && (
        <p className="note" data-tone="warn" role="alert">
          The server stopped telling of this run; the run itself goes on without it.{" "}
          <a href={hashOf("sessions", run.session)}>Its report</a> tells how it ended.
        </p>
      )}
      {isLive ? <Progress run={run} /> : <Ending run={run} />}
      {drawn && isChain && (
        <FlowPicture
          label="The graph as it runs"
          spec={drawn.spec}
          positions={drawn.positions}
          edges={edgeLooks(run)}
          agents={agentLooks(run)}
        />
      )}
      {run.edges.length > 0 && isLive && <EdgeTable edges={run.edges} />}
      {series.seconds.length > 2 && (
        <section className="panel stack">
          <h2>Rates over time</h2>
          <Plot label="Rates over time" seconds={series.seconds} lines={lines} text={formatRate} />
        </section>
      )}
      {run.report &&
        parts(run.report).map((part) => <ReportView key={part.session} report={part} />)}
      {!run.report && <Messages run={run} />}
    </div>
  );
}

function Back() {
  return (
    <nav aria-label="Back">
      <a href={hashOf("run")}>← All runs</a>
    </nav>
  );
}
