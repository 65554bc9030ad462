import { Facts } from "../parts/Facts";
import { formatCount, formatRate, formatSeconds, formatSize } from "../text/size";
import type { SessionRow } from "./report";

/** The numbers of a session, as far as the catalog keeps them. */
export function SessionFacts({ row }: { row: SessionRow }) {
  return (
    <div className="panel">
      <Facts
        facts={[
          ["Took", formatSeconds(row.duration_seconds)],
          ["Files", formatCount(row.files)],
          ["Selected", formatSize(row.bytes_source)],
          ["Read", formatSize(row.bytes_read)],
          ["New", formatSize(row.bytes_new)],
          [
            "Rate",
            row.duration_seconds > 0 ? formatRate(row.bytes_read / row.duration_seconds) : "–",
          ],
          ["Engine", row.engine || "–"],
          ["Exit code", row.exit_code ?? "–"],
        ]}
      />
    </div>
  );
}
