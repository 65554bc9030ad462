import { useState } from "react";
import { asking, Empty, FaultNote, Loading, More, useRows } from "../loading";
import { ChoiceField } from "../parts";
import { Name } from "../text/Name";
import { formatTime } from "../text/time";
import { visible } from "../text/visible";
import type { Entry, Version } from "./paths";
import type { ObjectRow } from "./VersionChoice";

interface DifferenceRow {
  change: string;
  path: string;
  path_base64?: string | null;
  aspects: string[];
  before: Entry | null;
  after: Entry | null;
}

const SIGNS: Record<string, string> = { added: "+", removed: "−", changed: "~", moved: "→" };

/** What differs between two versions of an object. */
export function Differences({
  objects,
  object,
}: {
  objects: readonly ObjectRow[];
  object: string;
}) {
  const names = objects.map((row) => `${row.client}/${row.name}`);
  const [chosen, setChosen] = useState(object || names[0] || "");
  const versions = useRows<Version>(chosen ? asking("/api/versions", { object: chosen }) : null);
  const [before, setBefore] = useState("");
  const [after, setAfter] = useState("");
  const newer = versions.rows.find((row) => row.object_id === after) ?? versions.rows[0];
  const older = versions.rows.find((row) => row.object_id === before) ?? versions.rows[1];
  const isTwo = newer !== undefined && older !== undefined;
  const list = useRows<DifferenceRow>(
    isTwo ? asking("/api/diff", { before: older.object_id, after: newer.object_id }) : null,
    "page",
  );
  const choices = versions.rows.map((row) => ({
    value: row.object_id,
    label: `${row.version}: ${formatTime(row.finished_ns)}`,
  }));
  return (
    <>
      <div className="asking">
        <ChoiceField
          label="Object"
          value={chosen}
          onChange={(event) => setChosen(event.target.value)}
          choices={names.map((name) => ({ value: name, label: visible(name) }))}
        />
        {isTwo && (
          <>
            <ChoiceField
              label="From version"
              value={older.object_id}
              onChange={(event) => setBefore(event.target.value)}
              choices={choices}
            />
            <ChoiceField
              label="To version"
              value={newer.object_id}
              onChange={(event) => setAfter(event.target.value)}
              choices={choices}
            />
          </>
        )}
      </div>
      {versions.fault && <FaultNote fault={versions.fault} again={versions.again} />}
      {list.fault && <FaultNote fault={list.fault} again={list.again} />}
      {(list.isLoading || versions.isLoading) && list.rows.length === 0 && (
        <Loading what="Comparing" />
      )}
      {!versions.isLoading && !isTwo && (
        <Empty title="There is one version only">
          Run the graph again, and what changed stands here.
        </Empty>
      )}
      {isTwo && !list.isLoading && !list.fault && list.rows.length === 0 && (
        <Empty title="No difference">Both versions have the same names and content.</Empty>
      )}
      {list.rows.length > 0 && (
        <ul className="differences panel">
          {list.rows.map((row) => (
            <li key={`${row.change} ${row.path_base64 ?? row.path}`} data-change={row.change}>
              <b title={row.change}>
                <span aria-hidden="true">{SIGNS[row.change] ?? "?"}</span>
                <span className="visually-hidden">{row.change}</span>
              </b>
              <span>
                {row.change === "moved" && row.before && (
                  <>
                    <Name text={row.before.path} /> →{" "}
                  </>
                )}
                <Name text={row.path || "."} />
                {row.aspects.length > 0 && <span className="soft"> {row.aspects.join(", ")}</span>}
              </span>
            </li>
          ))}
        </ul>
      )}
      <More list={list} />
    </>
  );
}
