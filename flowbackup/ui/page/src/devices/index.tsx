import { useState } from "react";
import { Empty, FaultNote, Loading, More, useAsked, useRows } from "../loading";
import { Button, CheckField } from "../parts";
import { hashOf, type Route } from "../shell/routes";
import { CareDialog } from "./CareDialog";
import { DeviceCard } from "./DeviceCard";
import type { Care, LostRow, MediumRow } from "./medium";
import "./devices.css";

/** Media and how sound they are; verify reads them, repair completes them. */
export default function Devices(_: { route: Route }) {
  const list = useRows<MediumRow>("/api/devices");
  const lost = useAsked<LostRow[]>("/api/devices/lost");
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [care, setCare] = useState<{ what: Care; rows: MediumRow[] } | null>(null);
  const rows = list.rows;
  const named = rows.filter((row) => chosen.has(row.medium));
  const open = (what: Care, only?: MediumRow) => setCare({ what, rows: only ? [only] : named });
  const choose = (row: MediumRow) =>
    setChosen((before) => {
      const next = new Set(before);
      if (!next.delete(row.medium)) next.add(row.medium);
      return next;
    });
  return (
    <div className="screen">
      <header className="spread">
        <div className="stack tight">
          <h1>Devices and media</h1>
          <p className="soft">
            What was read back whole is green; all else asks for a verify or a repair.
          </p>
        </div>
        {rows.length > 0 && (
          <div className="row">
            <Button onClick={() => open("repair")}>
              {named.length ? `Repair ${named.length}` : "Repair all"}
            </Button>
            <Button kind="primary" onClick={() => open("verify")}>
              {named.length ? `Verify ${named.length}` : "Verify all"}
            </Button>
          </div>
        )}
      </header>
      {list.fault && <FaultNote fault={list.fault} again={list.again} />}
      {lost.fault && <FaultNote fault={lost.fault} again={lost.again} />}
      {list.isLoading && rows.length === 0 && <Loading what="Looking at the media" />}
      {!list.isLoading && !list.fault && rows.length === 0 && (
        <Empty
          title="No media yet"
          actions={
            <a className="button" data-kind="primary" href={hashOf("home")}>
              Make a first backup
            </a>
          }
        >
          A run makes media of its device directories; <code>flowbackup device init DIR</code> makes
          one by hand.
        </Empty>
      )}
      <ul className="devices" aria-label="Media">
        {rows.map((row) => (
          <DeviceCard
            key={row.medium}
            row={row}
            lost={lost.value?.find((one) => one.medium === row.medium) ?? null}
            choice={
              <CheckField
                label={<span className="visually-hidden">Choose {row.device}</span>}
                checked={chosen.has(row.medium)}
                onChange={() => choose(row)}
              />
            }
            onCare={(what) => open(what, row)}
          />
        ))}
      </ul>
      <More list={list} />
      {care && <CareDialog what={care.what} rows={care.rows} onClose={() => setCare(null)} />}
    </div>
  );
}
