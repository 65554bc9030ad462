import type { ReactNode } from "react";
import { asking, Empty, FaultNote, Loading, More, type Rows, useRows } from "../loading";
import { ChoiceField, Light } from "../parts";
import { formatSize } from "../text/size";
import { formatTime } from "../text/time";
import { visible } from "../text/visible";
import type { Version } from "./paths";

export interface ObjectRow {
  client: string;
  name: string;
  versions: number;
  object_id: string;
  version: number;
  outcome: string;
  finished_ns: string | number;
  files: number;
  bytes_source: number;
  source?: string;
}

interface VersionChoiceProps {
  objects: Rows<ObjectRow>;
  object: string;
  version: string;
  onChoose: (version: Version) => void;
  onObject: (object: string) => void;
  children: (version: Version) => ReactNode;
}

/** An object and one of its versions, the newest if none was named; beside it what is shown of
 * it. */
export function VersionChoice(props: VersionChoiceProps) {
  const { objects, version, children } = props;
  const first = objects.rows[0];
  const object = props.object || (first && `${first.client}/${first.name}`) || "";
  const versions = useRows<Version>(asking("/api/versions", { object }));
  const chosen = versions.rows.find((row) => row.object_id === version) ?? versions.rows[0];
  const names = objects.rows.map((row) => `${row.client}/${row.name}`);
  return (
    <>
      <aside className="version-choice stack" aria-label="Object and version">
        <ChoiceField
          label="Object"
          value={object}
          onChange={(event) => props.onObject(event.target.value)}
          choices={(names.includes(object) || !object ? names : [object, ...names]).map((name) => ({
            value: name,
            label: visible(name),
          }))}
        />
        {objects.hasMore && <More list={objects} />}
        {versions.fault && <FaultNote fault={versions.fault} again={versions.again} />}
        <ul className="versions" aria-label="Versions">
          {versions.rows.map((row) => (
            <li key={row.object_id}>
              <button
                type="button"
                aria-pressed={row.object_id === chosen?.object_id}
                onClick={() => props.onChoose(row)}
              >
                <span className="spread">
                  <strong>Version {row.version}</strong>
                  <Light state={row.outcome} />
                </span>
                <span className="soft">
                  {formatTime(row.finished_ns)} · {formatSize(row.bytes_source)}
                </span>
              </button>
            </li>
          ))}
        </ul>
        <More list={versions} />
      </aside>
      <div className="stack chosen-version">
        {chosen && children(chosen)}
        {!chosen && versions.isLoading && <Loading />}
        {!chosen && !versions.isLoading && !versions.fault && (
          <Empty title="No version">The object has none, or they were forgotten.</Empty>
        )}
      </div>
    </>
  );
}
