import { useEffect, useState } from "react";
import { Light } from "../parts";
import { hashOf } from "../shell/routes";
import { Name } from "../text/Name";
import { formatSize } from "../text/size";
import { formatAgo, formatTime } from "../text/time";
import { visible } from "../text/visible";
import { copiesText, type HomeRow, lacksCopies } from "./lights";

const MINUTE = 60_000;

/** One object: its light, what is known of it, and ways on. */
export function ObjectRow({ row }: { row: HomeRow }) {
  const now = useNow();
  const name = `${row.client}/${row.object}`;
  return (
    <li className="object panel">
      <div className="object-name">
        <a href={hashOf("catalog", "", { object: name })}>
          <span className="soft">
            <Name text={row.client} />/
          </span>
          <Name text={row.object} />
        </a>
        <Light state={row.light} />
        {row.light !== "success" && <span className="soft why">{visible(row.why)}</span>}
      </div>
      <dl>
        <div>
          <dt>Last good</dt>
          <dd title={formatTime(row.last_good_ns)}>{formatAgo(row.last_good_ns, now)}</dd>
        </div>
        <div>
          <dt>Last verified</dt>
          <dd title={formatTime(row.last_verified_ns)}>{formatAgo(row.last_verified_ns, now)}</dd>
        </div>
        <div data-tone={lacksCopies(row) ? "warn" : undefined}>
          <dt>Durable copies</dt>
          <dd>{copiesText(row)}</dd>
        </div>
        <div>
          <dt>Next run</dt>
          <dd>{row.next_run_ns ? formatTime(row.next_run_ns) : "not known"}</dd>
        </div>
        <div>
          <dt>Space</dt>
          <dd>{formatSize(row.bytes)}</dd>
        </div>
      </dl>
      <div className="row">
        <a className="button" href={hashOf("restore", "", { object: name })}>
          Restore
        </a>
      </div>
    </li>
  );
}

function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), MINUTE);
    return () => clearInterval(timer);
  }, []);
  return now;
}
