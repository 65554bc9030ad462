import type { ReactNode } from "react";
import { Button, Light } from "../parts";
import { Facts } from "../parts/Facts";
import { Name } from "../text/Name";
import { counted, formatCount, formatSize } from "../text/size";
import { formatTime } from "../text/time";
import { visible } from "../text/visible";
import { type Care, type LostRow, type MediumRow, standingOf } from "./medium";

interface DeviceCardProps {
  row: MediumRow;
  lost: LostRow | null;
  choice: ReactNode;
  onCare: (what: Care) => void;
}

/** One medium: where it is, how sound, and what to do next. */
export function DeviceCard({ row, lost, choice, onCare }: DeviceCardProps) {
  const { light, word, advice } = standingOf(row, lost);
  return (
    <li className="panel stack device">
      <header className="spread">
        <div className="row">
          {choice}
          <h2>
            <Name text={row.device} />
            {row.set_number !== null && <span className="soft"> medium {row.set_number}</span>}
          </h2>
        </div>
        <Light state={light}>{word}</Light>
      </header>
      <p className="soft">
        <Name className="mono" text={row.location} />
        {row.node !== "here" && (
          <>
            {" on "}
            <Name text={row.node} />
          </>
        )}
      </p>
      <Facts
        facts={[
          ["Frames", formatCount(row.frames)],
          ["Free", formatSize(row.free_bytes)],
          ["Verified", verifiedText(row)],
          ["Pool", row.pool],
        ]}
      />
      {lost && (
        <div className="note" data-tone="bad">
          <p>{visible(lost.fault)}</p>
          {lost.versions.length > 0 && (
            <p>
              No other medium has all of {counted(lost.versions.length, "version")}:{" "}
              {lost.versions
                .slice(0, LOST_SHOWN)
                .map((version) => visible(version.object))
                .join(", ")}
              {lost.versions.length > LOST_SHOWN && "…"}
            </p>
          )}
        </div>
      )}
      <footer className="spread">
        <span className="soft small">{advice}</span>
        <div className="row">
          <Button onClick={() => onCare("verify")} disabled={lost !== null}>
            Verify
          </Button>
          <Button onClick={() => onCare("repair")}>Repair</Button>
        </div>
      </footer>
    </li>
  );
}

const LOST_SHOWN = 5;

function verifiedText(row: MediumRow): string {
  if (!row.frames_verified) return "never";
  return formatTime(row.verified_oldest_ns ?? row.verified_newest_ns);
}
