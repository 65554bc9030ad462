import { useAsked } from "../loading";
import { Light } from "../parts";
import type { ToldRow } from "../run/told";
import "../run/run.css";
import { hashOf } from "../shell/routes";
import { Name } from "../text/Name";
import { formatTime } from "../text/time";

const AGAIN_SECONDS = 5;
const SHOWN_MAX = 8;

/** Restores that were started in the page, by any tab. */
export function RecentRestores() {
  const asked = useAsked<{ rows: ToldRow[] }>("/api/restores", AGAIN_SECONDS);
  const rows = (asked.value?.rows ?? []).slice(0, SHOWN_MAX);
  if (rows.length === 0) return null;
  return (
    <section className="stack" aria-labelledby="restores">
      <h2 id="restores">Restores</h2>
      <ul className="recent">
        {rows.map((row) => (
          <li key={row.id}>
            <a href={hashOf("restore", row.id)}>
              <Name text={row.title} />
            </a>
            <span className="soft">{row.state === "running" ? "runs" : ""}</span>
            <span className="soft nowrap">{formatTime(row.started_ns)}</span>
            <span />
            <Light state={row.state === "running" ? "running" : (row.outcome ?? "failed")} />
          </li>
        ))}
      </ul>
    </section>
  );
}
