import { Bar } from "../parts/Bar";
import { doneShare, doneText } from "../run/share";
import { hasEnded, type RunState } from "../run/state";
import { hashOf } from "../shell/routes";
import { Name } from "../text/Name";

/** What runs at this moment, with a way to watch it. */
export function RunningNow({ runs }: { runs: readonly RunState[] }) {
  const live = runs.filter((run) => !hasEnded(run));
  if (live.length === 0) return null;
  return (
    <section className="stack" aria-label="Running now">
      {live.map((run) => {
        const share = doneShare(run);
        return (
          <a key={run.session} className="panel running-now" href={hashOf("run", run.session)}>
            <span className="spread">
              <strong>
                <Name text={run.graph || run.kind} /> runs
              </strong>
              <span className="soft">{share === null ? "total unknown" : `${Math.floor(share * 100)} %`}</span>
            </span>
            <Bar label={`How far ${run.graph} is`} share={share} />
            <span className="soft">{doneText(run)}</span>
          </a>
        );
      })}
    </section>
  );
}
