import { useAsked } from "../loading";
import { hasEnded, type RunState } from "../run/state";
import { Light } from "../parts";
import "../run/run.css";
import { hashOf } from "../shell/routes";
import { formatCount, formatSeconds } from "../text/size";
import { formatTime } from "../text/time";

const AGAIN_SECONDS = 5;

/** Restores that were started in the page, by any tab. */
export function RecentRestores() {
  const asked = useAsked<{ rows: RunState[] }>("/api/restores", AGAIN_SECONDS);
  const rows = asked.value?.rows ?? [];
  if (rows.length === 0) return null;
  return (
    <section className="stack" aria-labelledby="restores">
      <h2 id="restores">Restores</h2>
      <ul className="recent">
        {rows.map((run) => (
          <li key={run.session}>
            <a href={hashOf("restore", run.session)}>{hasEnded(run) ? "Restored" : "Restoring"}</a>
            <span className="soft">{formatCount(run.report?.files ?? run.files)} files</span>
            <span className="soft nowrap">{formatTime(run.started_ns)}</span>
            <span className="soft nowrap">{formatSeconds(run.report?.duration_seconds ?? run.seconds)}</span>
            <Light state={hasEnded(run) ? (run.outcome ?? "failed") : "running"} />
          </li>
        ))}
      </ul>
    </section>
  );
}
