import { Bar } from "../parts/Bar";
import { Facts } from "../parts/Facts";
import { Name } from "../text/Name";
import { formatRate, formatSeconds } from "../text/size";
import { doneShare, doneText, secondsLeft } from "./share";
import type { RunState } from "./state";
import { holdingUp } from "./waits";

/** How far it is, as honest as can be known, and who holds it up. */
export function Progress({ run }: { run: RunState }) {
  const share = doneShare(run);
  const left = secondsLeft(run);
  const slowest = holdingUp(run.edges);
  return (
    <section className="panel stack" aria-label="Progress">
      <div className="spread">
        <strong className="how-far">
          {share === null ? "Total unknown" : `${Math.floor(share * 100)} %`}
        </strong>
        <span className="soft">{run.stage || "starting"}</span>
      </div>
      <Bar label="Progress" share={share} />
      <p className="soft">{doneText(run)}</p>
      <Facts
        facts={[
          ["Rate", formatRate(run.bytes_per_second)],
          ["Running for", formatSeconds(run.seconds)],
          ["Left", left === null ? "unknown" : `about ${formatSeconds(left)}`],
          ["Holds the others up", slowest ? <Name key="name" text={slowest} /> : "nobody"],
        ]}
      />
    </section>
  );
}
