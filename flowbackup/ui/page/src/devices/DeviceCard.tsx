import type { ReactNode } from "react";
import { Button, Light } from "../parts";
import { Bar } from "../parts/Bar";
import { Facts } from "../parts/Facts";
import { Name } from "../text/Name";
import { formatCount, formatSize } from "../text/size";
import { formatTime } from "../text/time";
import { visible } from "../text/visible";
import type { Care } from "./index";
import { type MediumRow, mediumAdvice, mediumLight, mediumWord, usedShare } from "./medium";

interface DeviceCardProps {
  row: MediumRow;
  choice: ReactNode;
  onCare: (what: Care) => void;
}

const NEARLY_FULL = 0.9;

/** One medium: where, how full, how sound, and what to do next. */
export function DeviceCard({ row, choice, onCare }: DeviceCardProps) {
  const used = usedShare(row);
  const advice = mediumAdvice(row);
  return (
    <li className="panel stack device">
      <header className="spread">
        <div className="row">
          {choice}
          <h2>
            <Name text={row.device} />
          </h2>
        </div>
        <Light state={mediumLight(row)}>{mediumWord(row)}</Light>
      </header>
      <p className="soft">
        <Name className="mono" text={row.location} />
      </p>
      {used !== null && (
        <div className="stack tight">
          <Bar label={`Room of ${row.device}`} share={used} tone={used > NEARLY_FULL ? "warn" : "accent"} />
          <span className="soft small">
            {formatSize(row.free_bytes)} free of {formatSize(row.total_bytes)}
          </span>
        </div>
      )}
      <Facts
        facts={[
          ["Holds", formatSize(row.bytes_held)],
          ["Frames", formatCount(row.frames)],
          ["Verified", row.frames_verified ? formatTime(row.verified_oldest_ns || row.verified_newest_ns) : "never"],
          ["Pool", row.pool],
          ...(used === null && row.free_bytes !== null ? ([["Free", formatSize(row.free_bytes)]] as const) : []),
        ]}
      />
      {row.fault && (
        <p className="note" data-tone="bad">
          {visible(row.fault)}
        </p>
      )}
      {row.lost && row.lost.length > 0 && (
        <p className="note" data-tone="bad">
          It takes along what no other medium has: {row.lost.map((lost) => visible(lost.object)).join(", ")}
        </p>
      )}
      <footer className="spread">
        <span className="soft small">{advice}</span>
        <div className="row">
          <Button onClick={() => onCare("verify")} disabled={!row.reachable}>
            Verify
          </Button>
          <Button onClick={() => onCare("repair")}>Repair</Button>
        </div>
      </footer>
    </li>
  );
}
