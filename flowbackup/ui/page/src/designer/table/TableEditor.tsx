import { useEffect, useRef } from "react";
import {
  addClient,
  addDevice,
  addGroup,
  addNode,
  addObject,
  type Made,
  remove,
  rename,
} from "../../model/edits";
import type { Coupling } from "../../model/endpoint";
import type { Verdict } from "../../model/legality";
import { offersFor } from "../../model/offers";
import { type Keys, ROLES, type Role, SECTION_OF, type Spec } from "../../model/spec";
import { Button } from "../../parts";
import { keyText } from "../canvas/context";
import { NewCoupling } from "./NewCoupling";
import { PartTable } from "./PartTable";
import "./table.css";

interface TableEditorProps {
  spec: Spec;
  chosen: Keys;
  onChoose: (keys: Keys) => void;
  /** Shows the form of a part. */
  onMore: (keys: Keys) => void;
  onEdit: (spec: Spec) => void;
  onCouple: (coupling: Coupling) => Promise<Verdict>;
}

const TITLES: Record<Role, string> = {
  backup: "Backup groups",
  mirror: "Mirror groups",
  restore: "Restore groups",
  copy: "Copy groups",
};

/** The whole graph as tables. What is new gets the focus in its name. */
export function TableEditor({
  spec,
  chosen,
  onChoose,
  onMore,
  onEdit,
  onCouple,
}: TableEditorProps) {
  const place = useRef<HTMLDivElement>(null);
  const wanted = useRef<Keys | null>(null);
  useEffect(() => {
    const keys = wanted.current;
    if (!keys) return;
    const name = CSS.escape(String(keys.at(-1)));
    const input = place.current?.querySelector<HTMLInputElement>(
      `tr[data-chosen] input[data-name="${name}"]`,
    );
    if (!input) return;
    wanted.current = null;
    input.focus();
    input.select();
  });
  const add = (made: Made) => {
    wanted.current = made.keys;
    onEdit(made.spec);
    onChoose(made.keys);
  };
  const shared = {
    spec,
    chosen: keyText(chosen),
    onEdit,
    onChoose: onMore,
    onDelete: (keys: Keys) => onEdit(remove(spec, keys)),
    onRename: (keys: Keys, name: string) => {
      onEdit(rename(spec, keys, name));
      onChoose([...keys.slice(0, -1), name]);
    },
  };
  const rowsOf = (section: string): Keys[] =>
    Object.keys((spec[section] as object | undefined) ?? {}).map((name) => [section, name]);
  const clients = Object.keys(spec.clients ?? {});
  const objects = clients.flatMap((client) =>
    Object.keys(spec.clients?.[client]?.objects ?? {}).map((name) => [
      "clients",
      client,
      "objects",
      name,
    ]),
  );
  const client = chosen[0] === "clients" ? String(chosen[1]) : clients.at(-1);
  const ends = offersFor(spec, { key: "", label: "", kind: "text", names: "ends" });
  return (
    <div className="table-editor" ref={place}>
      <PartTable {...shared} title="Clients" kind="client" rows={rowsOf("clients")}>
        <Button onClick={() => add(addClient(spec))}>Add client</Button>
      </PartTable>
      <PartTable
        {...shared}
        title="Data objects"
        kind="object"
        rows={objects}
        lead={{
          title: "Client",
          cell: (keys) => <span className="cell-text">{String(keys[1])}</span>,
        }}
      >
        <Button disabled={!client} onClick={() => client && add(addObject(spec, client))}>
          Add object{clients.length > 1 ? ` to ${client}` : ""}
        </Button>
      </PartTable>
      <PartTable {...shared} title="Devices" kind="device" rows={rowsOf("devices")}>
        <Button onClick={() => add(addDevice(spec))}>Add device</Button>
      </PartTable>
      {ROLES.map((role) => (
        <PartTable
          {...shared}
          key={role}
          title={TITLES[role]}
          kind={role}
          rows={rowsOf(SECTION_OF[role])}
        >
          <Button onClick={() => add(addGroup(spec, role))}>Add {role} group</Button>
        </PartTable>
      ))}
      <PartTable
        {...shared}
        title="Couplings"
        kind="coupling"
        rows={(spec.couplings ?? []).map((_, index) => ["couplings", index])}
      >
        <NewCoupling onCouple={onCouple} offered={ends} />
      </PartTable>
      <PartTable {...shared} title="Nodes" kind="node" rows={rowsOf("nodes")}>
        <Button onClick={() => add(addNode(spec))}>Add node</Button>
      </PartTable>
    </div>
  );
}
