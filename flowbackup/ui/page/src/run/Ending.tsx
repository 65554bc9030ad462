import { findingText } from "../loading";
import { Light } from "../parts";
import { CopyText } from "../parts/CopyText";
import { hashOf } from "../shell/routes";
import { formatSeconds } from "../text/size";
import { visible } from "../text/visible";
import type { RunState } from "./state";

const SAID: Record<string, string> = {
  success: "Everything that was asked for is durable.",
  incomplete: "It ended, and something is missing: see what below.",
  failed: "It failed. What was durable before stays as it was.",
  interrupted:
    "It was interrupted. What was durable stays; running it again sends only what is missing.",
};

/** How a run has ended, and ways on. */
export function Ending({ run }: { run: RunState }) {
  const end = run.outcome ?? (run.error ? "failed" : "interrupted");
  const made = run.report?.objects.find((object) => object.version > 0);
  return (
    <section className="panel stack ending" data-end={end} aria-label="How it ended">
      <div className="row">
        <Light state={end} />
        <span>{SAID[end] ?? ""}</span>
        <span className="soft">{formatSeconds(run.report?.duration_seconds ?? run.seconds)}</span>
      </div>
      {run.error && (
        <div className="note" data-tone="bad" role="alert">
          <p>{visible(run.error.message)}</p>
          {run.error.findings?.map((finding) => (
            <p key={findingText(finding)}>{findingText(finding)}</p>
          ))}
          {run.error.remedy && <p>{visible(run.error.remedy)}</p>}
        </div>
      )}
      <div className="row">
        {run.report?.session && (
          <a className="button" href={hashOf("sessions", run.report.session)}>
            Report
          </a>
        )}
        {made && (
          <a
            className="button"
            href={hashOf("catalog", "", {
              object: `${made.client}/${made.name}`,
              version: made.object_id,
            })}
          >
            Look into it
          </a>
        )}
        {end === "incomplete" && (
          <a className="button" href={hashOf("devices")}>
            Repair copies
          </a>
        )}
      </div>
      {run.command && <CopyText label="the command line" text={run.command} />}
    </section>
  );
}
