import { FaultNote, Loading, useAsked } from "../loading";
import { CopyText } from "../parts/CopyText";
import { hashOf } from "../shell/routes";
import { Name } from "../text/Name";
import { formatTime } from "../text/time";
import { visible } from "../text/visible";
import { Problems } from "./Problems";
import { DeviceTable } from "./ReportView";
import type { SessionDetail } from "./report";
import { SessionFacts } from "./SessionFacts";
import { SessionLight } from "./SessionList";

/** One session: its report, and the command line that does the same. */
export function SessionDetailView({ session }: { session: string }) {
  const asked = useAsked<SessionDetail>(`/api/sessions/${encodeURIComponent(session)}`);
  return (
    <div className="screen">
      <nav aria-label="Back">
        <a href={hashOf("sessions")}>← All sessions</a>
      </nav>
      {asked.fault && <FaultNote fault={asked.fault} again={asked.again} />}
      {asked.isLoading && !asked.value && <Loading />}
      {asked.value && <Detail detail={asked.value} />}
    </div>
  );
}

function Detail({ detail }: { detail: SessionDetail }) {
  const { row: session, command } = detail;
  return (
    <>
      <header className="spread">
        <div className="stack tight">
          <h1>
            {capital(session.kind)}
            {session.graph && (
              <>
                {" of "}
                <Name text={session.graph} />
              </>
            )}
          </h1>
          <p className="soft">
            {formatTime(session.started_ns)} on <Name text={session.host} />, session{" "}
            <code>{session.session.slice(0, 18)}</code>
          </p>
        </div>
        <SessionLight row={session} />
      </header>
      {session.state === "running" && (
        <p className="note">
          It runs. <a href={hashOf("run", session.session)}>Watch it</a>
        </p>
      )}
      {session.state === "interrupted" && (
        <p className="note" data-tone="warn">
          It was interrupted: its process is gone and recorded no end. What was durable stays; the
          next run of the graph goes on where it stopped.
        </p>
      )}
      {session.outcome && <SessionFacts row={session} />}
      {detail.versions.length > 0 && <Made versions={detail.versions} />}
      {detail.devices.length > 0 && <DeviceTable devices={detail.devices} />}
      <Problems problems={detail.problems} />
      {session.outcome === "incomplete" &&
        detail.devices.some((device) => device.state !== "complete") && (
          <p className="note" data-tone="warn">
            Copies are missing. <a href={hashOf("devices")}>Repair</a> completes them from the
            others.
          </p>
        )}
      {command && (
        <section className="stack" aria-labelledby="command">
          <h2 id="command">The command line that does the same</h2>
          <CopyText label="the command line" text={command} />
        </section>
      )}
      {detail.graph_text && (
        <details className="graph-text">
          <summary>The graph that it ran</summary>
          <pre>{detail.graph_text.split("\n").map(visible).join("\n")}</pre>
        </details>
      )}
    </>
  );
}

const SHOWN_MAX = 100;

function Made({ versions }: { versions: readonly string[] }) {
  return (
    <section className="stack" aria-labelledby="made">
      <h2 id="made">What it made</h2>
      <ul className="made">
        {versions.slice(0, SHOWN_MAX).map((version) => (
          <li key={version}>
            <a
              className="button"
              href={hashOf("catalog", "", { object: version.replace(/@\d+$/, "") })}
            >
              <Name text={version} />
            </a>
          </li>
        ))}
        {versions.length > SHOWN_MAX && (
          <li className="soft">and {versions.length - SHOWN_MAX} more</li>
        )}
      </ul>
    </section>
  );
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
