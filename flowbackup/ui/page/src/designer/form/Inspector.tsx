// The form of what is chosen.
import { useState } from "react";
import type { Finding } from "../../api/designing";
import { addAgent, addObject, remove, rename, setAt, valueAt } from "../../model/edits";
import { FIELDS, type FieldInfo, type PartKind, partOf } from "../../model/fields";
import { takenNames } from "../../model/names";
import { offersFor, titleOf } from "../../model/offers";
import { groupsOf, type Keys, type Spec } from "../../model/spec";
import { Button, Field } from "../../parts";
import { NameInput } from "./NameInput";
import { ValueInput } from "./ValueInput";
import "./form.css";

interface InspectorProps {
  spec: Spec;
  chosen: Keys;
  findings: readonly Finding[];
  onChoose: (keys: Keys) => void;
  onEdit: (spec: Spec) => void;
}

export function Inspector({ spec, chosen, findings, onChoose, onEdit }: InspectorProps) {
  const { kind, keys } = partOf(spec, chosen);
  const part = partValues(spec, keys);
  const fields = FIELDS[kind];
  const often = fields.filter((field) => !field.isRare);
  const rarely = fields.filter((field) => field.isRare);
  const shown = (field: FieldInfo) => (
    <Field
      key={field.key}
      label={field.label}
      hint={field.hint}
      fault={faultAt(findings, [...keys, field.key])}
    >
      {(ids) => (
        <ValueInput
          {...ids}
          field={field}
          value={part[field.key]}
          offered={offersFor(spec, field)}
          onChange={(value) => onEdit(withValue(spec, keys, field.key, value))}
        />
      )}
    </Field>
  );
  return (
    <div className="inspector">
      <div className="spread">
        <h2>{titleOf(kind, keys)}</h2>
        {kind !== "graph" && (
          <Button kind="quiet" onClick={() => onChoose(upOf(keys))}>
            {kind === "object" ? "Client" : "Graph"}
          </Button>
        )}
      </div>
      {kind !== "coupling" && (
        <Name
          spec={spec}
          kind={kind}
          keys={keys}
          onRename={(name) => {
            if (kind === "graph") onEdit({ ...spec, graph: name });
            else {
              onEdit(rename(spec, keys, name));
              onChoose([...keys.slice(0, -1), name]);
            }
          }}
        />
      )}
      {often.map(shown)}
      {kind === "client" && <Objects spec={spec} keys={keys} onChoose={onChoose} onEdit={onEdit} />}
      {isGroup(kind) && <Agents spec={spec} keys={keys} onChoose={onChoose} onEdit={onEdit} />}
      {rarely.length > 0 && (
        <details>
          <summary>More options</summary>
          <div className="stack">{rarely.map(shown)}</div>
        </details>
      )}
      {kind !== "graph" && (
        <Button
          kind="danger"
          onClick={() => {
            onEdit(remove(spec, keys));
            onChoose(kind === "object" ? upOf(keys) : []);
          }}
        >
          Delete {kind === "coupling" ? "coupling" : String(keys.at(-1))}
        </Button>
      )}
    </div>
  );
}

interface PartProps {
  spec: Spec;
  keys: Keys;
  onChoose: (keys: Keys) => void;
  onEdit: (spec: Spec) => void;
}

function Objects({ spec, keys, onChoose, onEdit }: PartProps) {
  const client = String(keys[1]);
  return (
    <div className="stack">
      <h3>Data objects</h3>
      <ul className="plain-list">
        {Object.entries(spec.clients?.[client]?.objects ?? {}).map(([name, object]) => (
          <li key={name}>
            <Button kind="quiet" onClick={() => onChoose([...keys, "objects", name])}>
              {name}
            </Button>
            <span className="soft">{object.path ?? "a stream"}</span>
          </li>
        ))}
      </ul>
      <Button
        onClick={() => {
          const made = addObject(spec, client);
          onEdit(made.spec);
          onChoose(made.keys);
        }}
      >
        Add an object
      </Button>
    </div>
  );
}

function Agents({ spec, keys, onChoose, onEdit }: PartProps) {
  const at = groupsOf(spec).find((one) => one.section === keys[0] && one.name === keys[1]);
  return (
    <div className="stack">
      <ul className="plain-list">
        {at?.group.devices.map((device) => (
          <li key={device}>
            <Button kind="quiet" onClick={() => onChoose(["devices", device])}>
              {device}
            </Button>
            <span className="soft">{spec.devices?.[device]?.path}</span>
          </li>
        ))}
      </ul>
      <Button onClick={() => onEdit(addAgent(spec, String(keys[1])).spec)}>Add a device</Button>
    </div>
  );
}

interface NameProps {
  spec: Spec;
  kind: PartKind;
  keys: Keys;
  onRename: (name: string) => void;
}

function Name({ spec, kind, keys, onRename }: NameProps) {
  const [fault, setFault] = useState("");
  const name = kind === "graph" ? spec.graph : String(keys.at(-1));
  return (
    <Field label="Name" fault={fault}>
      {(ids) => (
        <NameInput
          {...ids}
          name={name}
          dotted={isDotted(kind)}
          taken={namesBeside(spec, kind, keys)}
          onRename={onRename}
          onFault={setFault}
        />
      )}
    </Field>
  );
}

export function isDotted(kind: PartKind): boolean {
  return kind === "graph" || kind === "node" || kind === "client" || kind === "object";
}

/** Names that a part must not take. */
export function namesBeside(spec: Spec, kind: PartKind, keys: Keys): string[] {
  if (kind === "node") return takenNames(spec, "nodes");
  if (kind === "client") return takenNames(spec, "clients");
  if (kind === "device") return takenNames(spec, "devices");
  if (kind === "object") return Object.keys(spec.clients?.[String(keys[1])]?.objects ?? {});
  return isGroup(kind) ? takenNames(spec, "groups") : [];
}

function isGroup(kind: PartKind): boolean {
  return kind === "backup" || kind === "mirror" || kind === "restore" || kind === "copy";
}

function upOf(keys: Keys): Keys {
  return keys.length > 2 ? keys.slice(0, 2) : [];
}

/** A coupling that is one line of text has its two ends as values. */
export function partValues(spec: Spec, keys: Keys): Record<string, unknown> {
  const part = valueAt(spec, keys);
  if (typeof part !== "string") return (part ?? {}) as Record<string, unknown>;
  const [from = "", to = ""] = part.split("->").map((end) => end.trim());
  return { from, to };
}

/** The same the other way: options make it a mapping, without any it stays a line. */
export function withValue(spec: Spec, keys: Keys, key: string, value: unknown): Spec {
  if (keys[0] !== "couplings") return setAt(spec, [...keys, key], value);
  const { [key]: _, ...others } = partValues(spec, keys);
  const next: Record<string, unknown> = value === undefined ? others : { ...others, [key]: value };
  const hasOptions = Object.keys(next).some((one) => one !== "from" && one !== "to");
  const ends = { from: next.from, to: next.to };
  return setAt(spec, keys, hasOptions ? { ...ends, ...next } : `${next.from} -> ${next.to}`);
}

function faultAt(findings: readonly Finding[], keys: Keys): string | undefined {
  const at = keys.join("/");
  const found = findings.find((one) => one.severity === "error" && one.keys.join("/") === at);
  return found && `${found.reason}.`;
}
