import { asking, FaultNote, useAsked } from "../loading";
import { type Column, Light, Table } from "../parts";
import { Name } from "../text/Name";
import { formatTime } from "../text/time";

export interface CopyRow {
  device: string;
  medium: string;
  pool: string;
  location: string;
  frames_held: number;
  frames_needed: number;
  frames_freed: number;
  complete: boolean;
  verified_ns: string | number | null;
  role: string | null;
  copied_from: string[];
}

function stateOf(row: CopyRow): { light: string; word: string } {
  if (row.complete) return { light: "success", word: "complete" };
  if (row.frames_held + row.frames_freed >= row.frames_needed) {
    return { light: "never", word: row.frames_held ? "partly freed" : "freed" };
  }
  return { light: "incomplete", word: `${row.frames_held} of ${row.frames_needed} frames` };
}

const COLUMNS: Column<CopyRow>[] = [
  { key: "device", title: "Device", cell: (row) => <Name text={row.device} /> },
  {
    key: "state",
    title: "Copy",
    cell: (row) => <Light state={stateOf(row).light}>{stateOf(row).word}</Light>,
  },
  {
    key: "verified",
    title: "Verified",
    cell: (row) =>
      row.verified_ns ? formatTime(row.verified_ns) : <Light state="unverified">not all</Light>,
  },
  {
    key: "from",
    title: "Came as",
    cell: (row) => (row.copied_from.length ? "copy of another medium" : (row.role ?? "–")),
  },
  { key: "location", title: "Where", cell: (row) => <Name className="mono" text={row.location} /> },
];

/** Where the copies of a version are, and how sound they are. */
export function Copies({ version }: { version: string }) {
  const list = useAsked<CopyRow[]>(asking("/api/copies", { version }));
  return (
    <section className="stack" aria-labelledby="copies">
      <h2 id="copies">Where its copies are</h2>
      {list.fault && <FaultNote fault={list.fault} again={list.again} />}
      {list.value && (
        <Table
          caption="Copies"
          columns={COLUMNS}
          rows={list.value}
          rowKey={(row) => row.medium}
          empty="No medium that the catalog knows holds any of it."
        />
      )}
    </section>
  );
}
