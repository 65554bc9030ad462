import { type Column, Light, Table } from "../parts";
import { Facts } from "../parts/Facts";
import type { RunState } from "../run/state";
import { Problems } from "../sessions/Problems";
import type { Explanation, MediumUse } from "../sessions/report";
import { Name } from "../text/Name";
import { formatCount, formatSeconds, formatSize } from "../text/size";
import { formatTime } from "../text/time";
import { visible } from "../text/visible";
import { detourText, inOrder, whyText } from "./why";

/** What a restore did, or would do: numbers, problems, and the copies that were read and why. */
export function RestoreOutcome({ run, isTrial = false }: { run: RunState; isTrial?: boolean }) {
  const { report, error } = run;
  if (error) {
    return (
      <div className="note" data-tone="bad" role="alert">
        <p>{visible(error.message)}</p>
        {error.remedy && <p>{visible(error.remedy)}</p>}
      </div>
    );
  }
  if (!report)
    return (
      <p className="note" data-tone="warn">
        It ended without a report.
      </p>
    );
  return (
    <>
      <Facts
        facts={[
          [isTrial ? "Files to restore" : "Files restored", formatCount(report.files)],
          ["Size", formatSize(report.bytes_source || report.bytes_read)],
          ["Took", formatSeconds(report.duration_seconds)],
        ]}
      />
      <Problems problems={report.problems} />
      {report.explanation && <Why explanation={report.explanation} isTrial={isTrial} />}
    </>
  );
}

const COLUMNS: Column<MediumUse>[] = [
  { key: "device", title: "Device", cell: (use) => <Name text={use.device} /> },
  {
    key: "state",
    title: "Copy",
    cell: (use) => <Light state={stateOf(use)}>{wordOf(use)}</Light>,
  },
  { key: "frames", title: "Frames", align: "right", cell: (use) => formatCount(use.frames) },
  { key: "read", title: "Read", align: "right", cell: (use) => formatSize(use.bytes_read) },
  {
    key: "verified",
    title: "Verified",
    cell: (use) => (use.verified_ns ? formatTime(use.verified_ns) : "never"),
  },
  { key: "why", title: "Why", cell: (use) => visible(whyText(use)) },
];

function stateOf(use: MediumUse): string {
  if (use.fault) return "failed";
  return use.frames ? "success" : "never";
}

function wordOf(use: MediumUse): string {
  if (use.fault) return "not reachable";
  return use.frames ? "is read" : "stands by";
}

const DETOURS_SHOWN = 20;

function Why({ explanation, isTrial }: { explanation: Explanation; isTrial: boolean }) {
  const detours = explanation.detours;
  return (
    <section className="stack">
      <h3>{isTrial ? "Copies that would be read" : "Copies that were read"}</h3>
      <Table
        caption="Copies"
        columns={COLUMNS}
        rows={inOrder(explanation)}
        rowKey={(use) => use.medium}
      />
      {detours.length > 0 && (
        <div className="note" data-tone="warn">
          {detours.slice(0, DETOURS_SHOWN).map((detour) => (
            <p key={detour.frame}>{visible(detourText(detour))}</p>
          ))}
          {detours.length > DETOURS_SHOWN && <p>and {detours.length - DETOURS_SHOWN} more</p>}
        </div>
      )}
    </section>
  );
}
