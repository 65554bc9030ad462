import { type FormEvent, useState } from "react";
import { asking, Empty, FaultNote, Loading, More, useRows } from "../loading";
import { Button, ChoiceField, TextField } from "../parts";
import { hashOf } from "../shell/routes";
import { Name } from "../text/Name";
import { formatSize } from "../text/size";
import { formatTime } from "../text/time";
import { visible } from "../text/visible";
import { type Found, versionsText } from "./paths";
import type { ObjectRow } from "./VersionChoice";

/** Names in all versions, also of what is on media that are away. */
export function Find({ objects }: { objects: readonly ObjectRow[] }) {
  const [pattern, setPattern] = useState("");
  const [object, setObject] = useState("");
  const [asked, setAsked] = useState<string | null>(null);
  const list = useRows<Found>(asked);
  const ask = (event: FormEvent) => {
    event.preventDefault();
    setAsked(asking("/api/find", { pattern: pattern.trim(), object }));
  };
  return (
    <>
      <form className="asking" onSubmit={ask}>
        <TextField
          label="Name or pattern"
          placeholder="*.conf"
          value={pattern}
          onChange={(event) => setPattern(event.target.value)}
          hint="* stands for anything; with a slash it is one of whole paths."
        />
        <ChoiceField
          label="In"
          value={object}
          onChange={(event) => setObject(event.target.value)}
          choices={[
            { value: "", label: "all objects" },
            ...objects.map((row) => ({
              value: `${row.client}/${row.name}`,
              label: visible(`${row.client}/${row.name}`),
            })),
          ]}
        />
        <Button kind="primary" type="submit" disabled={!pattern.trim()}>
          Find
        </Button>
      </form>
      {list.fault && <FaultNote fault={list.fault} again={list.again} />}
      {list.isLoading && list.rows.length === 0 && <Loading what="Looking" />}
      {asked === null && (
        <Empty title="What is it called?">
          Only the catalog is asked: what is on media that are away is found, too.
        </Empty>
      )}
      {asked !== null && !list.isLoading && !list.fault && list.rows.length === 0 && (
        <Empty title="Nothing was found">Try a part of the name, as in *report*.</Empty>
      )}
      {list.rows.length > 0 && (
        <ul className="entries panel">
          {list.rows.map((row) => (
            <li
              key={`${row.client}/${row.name} ${row.path_base64 ?? row.path} ${row.versions.join(",")}`}
            >
              <a
                className="entry"
                href={hashOf("catalog", "", {
                  object: `${row.client}/${row.name}`,
                  ...(row.object_id ? { version: row.object_id } : {}),
                  path:
                    row.kind === "directory"
                      ? row.path
                      : row.path.split("/").slice(0, -1).join("/"),
                })}
              >
                <span className="entry-name">
                  <Name text={row.path || "."} />
                  <span className="soft">
                    {" "}
                    {visible(`${row.client}/${row.name}`)}, version {versionsText(row.versions)}
                  </span>
                </span>
                <span className="soft numbers">
                  {row.kind === "file" ? formatSize(row.size) : row.kind}
                </span>
                <span className="soft numbers">{formatTime(row.mtime_ns)}</span>
              </a>
            </li>
          ))}
        </ul>
      )}
      <More list={list} />
    </>
  );
}
