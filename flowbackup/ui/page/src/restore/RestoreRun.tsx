import { FaultNote, Loading } from "../loading";
import { Light } from "../parts";
import { Messages } from "../run/Messages";
import { Progress } from "../run/Progress";
import { RunControls } from "../run/RunControls";
import "../run/run.css";
import { hasEnded } from "../run/state";
import { useRun } from "../run/useRun";
import { hashOf } from "../shell/routes";
import { RestoreOutcome } from "./RestoreOutcome";

const SAID: Record<string, string> = {
  success: "Everything came back, and each byte was checked.",
  incomplete: "Not everything came back: see what is missing.",
  failed: "It failed.",
  interrupted: "It was interrupted. Files that came back are whole; run it again for the others.",
};

/** A restore that runs, or ran: the tab may be closed meanwhile. */
export function RestoreRun({ session }: { session: string }) {
  const { run, fault, isLost } = useRun(session);
  const end = run && (run.outcome ?? (run.error ? "failed" : "interrupted"));
  return (
    <div className="screen">
      <nav aria-label="Back">
        <a href={hashOf("restore")}>← Restore something else</a>
      </nav>
      <header className="spread">
        <h1>Restore</h1>
        {run && !hasEnded(run) && <RunControls run={run} spec={null} />}
      </header>
      {fault && <FaultNote fault={fault} />}
      {!run && !fault && <Loading />}
      {isLost && (
        <p className="note" data-tone="warn" role="alert">
          The server stopped telling of it; the restore itself goes on.
        </p>
      )}
      {run && !hasEnded(run) && (
        <>
          <Progress run={run} />
          <p className="soft">
            This tab may be closed: the restore goes on, and is found here again.
          </p>
          <Messages run={run} />
        </>
      )}
      {run && hasEnded(run) && end && (
        <section className="panel stack ending" data-end={end} aria-label="How it ended">
          <div className="row">
            <Light state={end} />
            <span>{SAID[end] ?? ""}</span>
          </div>
          <RestoreOutcome run={run} />
          {run.report?.session && (
            <div className="row">
              <a className="button" href={hashOf("sessions", run.report.session)}>
                Report and command line
              </a>
            </div>
          )}
        </section>
      )}
    </div>
  );
}
