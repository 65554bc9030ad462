import { Empty, FaultNote, Loading, More, useRows } from "../loading";
import { type Column, Light, Table } from "../parts";
import { hashOf } from "../shell/routes";
import { Name } from "../text/Name";
import { formatCount, formatSeconds, formatSize } from "../text/size";
import { formatTime } from "../text/time";
import { type SessionRow, sessionLight, sessionWord } from "./report";

const COLUMNS: Column<SessionRow>[] = [
  {
    key: "started",
    title: "Started",
    cell: (row) => (
      <a className="nowrap" href={hashOf("sessions", row.session)}>
        {formatTime(row.started_ns)}
      </a>
    ),
  },
  { key: "outcome", title: "Outcome", cell: (row) => <SessionLight row={row} /> },
  { key: "kind", title: "Kind", cell: (row) => row.kind },
  { key: "graph", title: "Graph", cell: (row) => <Name text={row.graph || "–"} /> },
  {
    key: "files",
    title: "Files",
    align: "right",
    cell: (row) => ended(row, formatCount(row.files)),
  },
  {
    key: "new",
    title: "New",
    align: "right",
    cell: (row) => ended(row, formatSize(row.bytes_new)),
  },
  {
    key: "time",
    title: "Took",
    align: "right",
    cell: (row) => ended(row, formatSeconds(row.duration_seconds)),
  },
  {
    key: "problems",
    title: "Problems",
    align: "right",
    cell: (row) => (row.problems ? formatCount(row.problems) : "–"),
  },
];

function ended(row: SessionRow, text: string): string {
  return row.outcome ? text : "–";
}

export function SessionLight({ row }: { row: Pick<SessionRow, "state" | "outcome"> }) {
  return <Light state={sessionLight(row)}>{sessionWord(row)}</Light>;
}

export function SessionList() {
  const list = useRows<SessionRow>("/api/sessions");
  return (
    <div className="screen">
      <header className="stack">
        <h1>Sessions</h1>
        <p className="soft">Every backup, copy, restore, verify and repair, newest first.</p>
      </header>
      {list.fault && <FaultNote fault={list.fault} again={list.again} />}
      {list.isLoading && list.rows.length === 0 && <Loading />}
      {!list.isLoading && !list.fault && list.rows.length === 0 && (
        <Empty
          title="Nothing ran yet"
          actions={
            <a className="button" data-kind="primary" href={hashOf("design")}>
              Draw a chain
            </a>
          }
        >
          Draw a chain and run it; what it did stands here then.
        </Empty>
      )}
      {list.rows.length > 0 && (
        <Table
          caption="Sessions"
          columns={COLUMNS}
          rows={list.rows}
          rowKey={(row) => row.session}
        />
      )}
      <More list={list} />
    </div>
  );
}
