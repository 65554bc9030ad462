import { Bar } from "../parts/Bar";
import { doneShare, doneText } from "../run/share";
import type { ToldRow } from "../run/told";
import { useRun } from "../run/useRun";
import { hashOf } from "../shell/routes";
import { Name } from "../text/Name";
import { counted } from "../text/size";

/** Each is followed by a connection of its own. */
const FOLLOWED_MAX = 4;

/** What runs at this moment, with a way to watch it. */
export function RunningNow({ rows }: { rows: readonly ToldRow[] }) {
  const live = rows.filter((row) => row.state === "running");
  if (live.length === 0) return null;
  const more = live.length - FOLLOWED_MAX;
  return (
    <section className="stack" aria-label="Running now">
      {live.slice(0, FOLLOWED_MAX).map((row) => (
        <Running key={row.id} row={row} />
      ))}
      {more > 0 && (
        <p className="soft">
          and <a href={hashOf("run")}>{counted(more, "more run", "more runs")}</a>
        </p>
      )}
    </section>
  );
}

function Running({ row }: { row: ToldRow }) {
  const { run } = useRun(row.id);
  const share = run ? doneShare(run) : null;
  const screen = row.kind === "restore" ? "restore" : "run";
  return (
    <a className="panel running-now" href={hashOf(screen, row.id)}>
      <span className="spread">
        <strong>
          <Name text={row.title} /> {row.kind === "run" ? "runs" : `– ${row.kind}`}
        </strong>
        <span className="soft">
          {share === null ? "total unknown" : `${Math.floor(share * 100)} %`}
        </span>
      </span>
      <Bar label={`How far ${row.title} is`} share={share} />
      <span className="soft">{run ? doneText(run) : "…"}</span>
    </a>
  );
}
