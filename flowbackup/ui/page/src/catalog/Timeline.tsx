import { asking, FaultNote, Loading, More, useRows } from "../loading";
import { hashOf } from "../shell/routes";
import { Name } from "../text/Name";
import { formatSize } from "../text/size";
import { formatTime } from "../text/time";
import { type HistoryRow, versionsText } from "./paths";

const TONES: Record<string, string> = {
  added: "good",
  removed: "bad",
  changed: "warn",
  moved: "none",
};

/** What became of a path, from version to version. */
export function Timeline({ place }: { place: string }) {
  const list = useRows<HistoryRow>(place ? asking("/api/history", { place }) : null);
  if (list.fault) return <FaultNote fault={list.fault} again={list.again} />;
  if (list.isLoading && list.rows.length === 0) return <Loading />;
  return (
    <>
      <ol className="timeline">
        {list.rows.map((row) => (
          <li
            key={`${row.client}/${row.name} ${row.versions.join(",")}`}
            data-tone={TONES[row.change] ?? "none"}
          >
            <span className="spread">
              <strong>
                {row.change}
                {row.aspects.length > 0 && <span className="soft"> {row.aspects.join(", ")}</span>}
              </strong>
              <span className="soft">{formatTime(row.finished_ns)}</span>
            </span>
            <span className="soft">
              <Versions row={row} />
              {row.entry?.kind === "file" && ` · ${formatSize(row.entry.size)}`}
              {row.entry && ` · changed ${formatTime(row.entry.mtime_ns)}`}
            </span>
          </li>
        ))}
      </ol>
      <More list={list} />
    </>
  );
}

export function Versions({
  row,
}: {
  row: { client: string; name: string; versions: number[]; object_id?: string };
}) {
  const text = `${row.client}/${row.name}@${versionsText(row.versions)}`;
  if (!row.object_id) return <Name text={text} />;
  return (
    <a
      href={hashOf("catalog", "", { object: `${row.client}/${row.name}`, version: row.object_id })}
    >
      <Name text={text} />
    </a>
  );
}
