import { useState } from "react";
import type { GraphRow, Template } from "../api/designing";
import { Empty, FaultNote, Loading, More, useAsked, useRows } from "../loading";
import { faultOfName } from "../model/names";
import { Button, TextField } from "../parts";
import { go, hashOf } from "../shell/routes";
import "./start.css";

/** Where a chain begins: a file, a template, or nothing. */
export function Start() {
  const graphs = useRows<GraphRow>("/api/graphs");
  const templates = useAsked<Template[]>("/api/templates");
  const [name, setName] = useState("nightly");
  const fault = faultOfName(name, true);
  const begin = (template: string) => go("design", "new", { name, template });
  return (
    <div className="screen">
      <h1>Design</h1>
      <section className="panel stack">
        <h2>New graph</h2>
        <div className="start-new">
          <TextField
            label="Name"
            value={name}
            fault={fault}
            spellCheck={false}
            onChange={(event) => setName(event.target.value)}
            onKeyDown={(event) => event.key === "Enter" && !fault && begin("")}
          />
          <Button kind="primary" disabled={Boolean(fault)} onClick={() => begin("")}>
            Begin with an empty canvas
          </Button>
        </div>
        <h3>Or with a template</h3>
        {templates.fault && <FaultNote fault={templates.fault} again={templates.again} />}
        <ul className="template-list">
          {templates.value?.map((template) => (
            <li key={template.name}>
              <button type="button" disabled={Boolean(fault)} onClick={() => begin(template.name)}>
                <strong>{template.name}</strong>
                <span className="soft">{template.title}</span>
              </button>
            </li>
          ))}
        </ul>
      </section>
      <section className="stack">
        <h2>Graph files</h2>
        {graphs.fault && <FaultNote fault={graphs.fault} again={graphs.again} />}
        {graphs.isLoading && graphs.rows.length === 0 && <Loading />}
        {!graphs.isLoading && !graphs.fault && graphs.rows.length === 0 && (
          <Empty title="No graph files yet">What you save appears here.</Empty>
        )}
        <ul className="graph-list">
          {graphs.rows.map((row) => (
            <li key={row.path}>
              <a href={hashOf("design", row.path)}>
                <strong>{row.name}</strong>
                <span className="soft mono">{row.path}</span>
              </a>
            </li>
          ))}
        </ul>
        <More list={graphs} />
      </section>
    </div>
  );
}
