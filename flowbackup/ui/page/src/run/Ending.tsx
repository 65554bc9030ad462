import { Light } from "../parts";
import { hashOf } from "../shell/routes";
import { formatSeconds } from "../text/size";
import { visible } from "../text/visible";
import type { RunState } from "./state";

const SAID: Record<string, string> = {
  success: "Everything that was asked for is durable.",
  incomplete: "It ended, and something is missing: see what below.",
  failed: "It failed. What was durable before stays as it was.",
  interrupted: "It was interrupted. What was durable stays; running it again sends only what is missing.",
};

/** How a run has ended, and ways on. */
export function Ending({ run }: { run: RunState }) {
  const end = run.outcome ?? (run.error ? "failed" : "interrupted");
  const isBackup = run.kind === "backup" && run.report !== null;
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
        <a className="button" href={hashOf("sessions", run.report?.session || run.session)}>
          Report and command line
        </a>
        {isBackup && (
          <a className="button" href={hashOf("catalog", "", { session: run.report?.session ?? "" })}>
            Look into it
          </a>
        )}
        {end === "incomplete" && (
          <a className="button" href={hashOf("devices")}>
            Repair copies
          </a>
        )}
      </div>
    </section>
  );
}

function findingText(finding: unknown): string {
  if (typeof finding === "string") return visible(finding);
  const found = finding as { place?: string; reason?: string; remedy?: string };
  return visible([found.place, found.reason, found.remedy].filter(Boolean).join(" "));
}
