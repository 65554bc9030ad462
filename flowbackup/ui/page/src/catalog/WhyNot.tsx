import { type FormEvent, useState } from "react";
import type { GraphRow } from "../api/designing";
import { asking, Empty, FaultNote, Loading, useAllRows, useAsked } from "../loading";
import { Button, ChoiceField, Light, TextField } from "../parts";
import { Name } from "../text/Name";
import { visible } from "../text/visible";

interface WhyRow {
  object: string;
  path: string;
  kept: boolean;
  rule: string;
}

/** Which rule decides whether a path is backed up. */
export function WhyNot({ path }: { path: string }) {
  const [written, setWritten] = useState(path);
  const [graph, setGraph] = useState("");
  const [asked, setAsked] = useState<string | null>(null);
  const graphs = useAllRows<GraphRow>("/api/graphs");
  const found = useAsked<WhyRow[]>(asked);
  const ask = (event: FormEvent) => {
    event.preventDefault();
    setAsked(asking("/api/why", { path: written.trim(), graph }));
  };
  return (
    <>
      <form className="asking" onSubmit={ask}>
        <TextField
          label="Path on this machine"
          placeholder="/srv/www/cache/page.html"
          value={written}
          onChange={(event) => setWritten(event.target.value)}
        />
        <ChoiceField
          label="By the rules of"
          value={graph}
          onChange={(event) => setGraph(event.target.value)}
          choices={[
            { value: "", label: "what ran last" },
            ...graphs.rows.map((row) => ({ value: row.path, label: visible(row.path) })),
          ]}
        />
        <Button kind="primary" type="submit" disabled={!written.trim()}>
          Ask
        </Button>
      </form>
      {found.fault && <FaultNote fault={found.fault} />}
      {found.isLoading && <Loading />}
      {asked === null && (
        <Empty title="Why was this not backed up?">
          Excludes, ignore files and limits are gone through as a run would, and the one that
          decides is named.
        </Empty>
      )}
      {found.value && (
        <ul className="verdicts">
          {found.value.map((row) => (
            <li key={row.object} className="panel stack">
              <span className="row">
                <Light state={row.kept ? "success" : "incomplete"}>
                  {row.kept ? "is backed up" : "is left out"}
                </Light>
                <Name className="mono" text={row.path || "."} />
                <span className="soft">
                  of <Name text={row.object} />
                </span>
              </span>
              <span>{visible(row.rule) || "No rule leaves it out."}</span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
