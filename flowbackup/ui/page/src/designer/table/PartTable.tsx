// All parts of one kind as rows: everything that the canvas can do, by keyboard alone.
import type { ReactNode } from "react";
import { FIELDS, type PartKind } from "../../model/fields";
import { offersFor } from "../../model/offers";
import type { Keys, Spec } from "../../model/spec";
import { Button } from "../../parts";
import { isDotted, namesBeside, partValues, withValue } from "../form/Inspector";
import { NameInput } from "../form/NameInput";
import { ValueInput } from "../form/ValueInput";

interface PartTableProps {
  title: string;
  kind: PartKind;
  spec: Spec;
  rows: readonly Keys[];
  chosen: string;
  onEdit: (spec: Spec) => void;
  onRename: (keys: Keys, name: string) => void;
  onDelete: (keys: Keys) => void;
  onChoose: (keys: Keys) => void;
  /** Before the name, as the client of an object. */
  lead?: { title: string; cell: (keys: Keys) => ReactNode };
  children: ReactNode;
}

export function PartTable(props: PartTableProps) {
  const { title, kind, spec, rows, chosen, onEdit, onRename, onDelete, onChoose, lead } = props;
  const fields = FIELDS[kind].filter((field) => field.inTable);
  const hasName = kind !== "coupling";
  return (
    <section className="part-table" aria-label={title} data-kind={kind}>
      <div className="spread">
        <h2>{title}</h2>
        {props.children}
      </div>
      {rows.length > 0 && (
        <div className="table-frame">
          <table className="table edited">
            <thead>
              <tr>
                {lead && <th scope="col">{lead.title}</th>}
                {hasName && <th scope="col">Name</th>}
                {fields.map((field) => (
                  <th key={field.key} scope="col">
                    {field.label}
                  </th>
                ))}
                <th scope="col">
                  <span className="visually-hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map((keys) => {
                const name = rowName(keys);
                const values = partValues(spec, keys);
                return (
                  <tr key={keys.join("/")} data-chosen={chosen === keys.join("/") || undefined}>
                    {lead && <td>{lead.cell(keys)}</td>}
                    {hasName && (
                      <td>
                        <NameInput
                          aria-label={`Name of ${kind} ${name}`}
                          name={name}
                          dotted={isDotted(kind)}
                          taken={namesBeside(spec, kind, keys)}
                          onRename={(next) => onRename(keys, next)}
                        />
                      </td>
                    )}
                    {fields.map((field) => (
                      <td key={field.key}>
                        <ValueInput
                          aria-label={`${field.label} of ${name}`}
                          field={field}
                          value={values[field.key]}
                          offered={offersFor(spec, field)}
                          onChange={(value) => onEdit(withValue(spec, keys, field.key, value))}
                        />
                      </td>
                    ))}
                    <td className="row-actions">
                      <Button
                        kind="quiet"
                        onClick={() => onChoose(keys)}
                        aria-label={`More of ${name}`}
                      >
                        More
                      </Button>
                      <Button
                        kind="quiet"
                        onClick={() => onDelete(keys)}
                        aria-label={`Delete ${name}`}
                      >
                        ✕
                      </Button>
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function rowName(keys: Keys): string {
  const last = keys.at(-1);
  return typeof last === "number" ? `coupling ${last + 1}` : String(last);
}
