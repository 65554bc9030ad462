import { type Column, Light, Table } from "../parts";
import { Facts } from "../parts/Facts";
import { hashOf } from "../shell/routes";
import { Name } from "../text/Name";
import { formatCount, formatRate, formatSeconds, formatSize } from "../text/size";
import { Problems } from "./Problems";
import type { DeviceReport, ObjectReport, Report } from "./report";

const OBJECTS: Column<ObjectReport>[] = [
  {
    key: "object",
    title: "Object",
    cell: (row) => (
      <a
        href={hashOf("catalog", "", {
          object: `${row.client}/${row.name}`,
          version: row.object_id,
        })}
      >
        <Name text={`${row.client}/${row.name}${row.version ? `@${row.version}` : ""}`} />
      </a>
    ),
  },
  { key: "outcome", title: "Outcome", cell: (row) => <Light state={row.outcome} /> },
  { key: "copies", title: "Durable copies", align: "right", cell: copies },
  { key: "files", title: "Files", align: "right", cell: (row) => formatCount(row.files) },
  { key: "size", title: "Size", align: "right", cell: (row) => formatSize(row.bytes_source) },
  { key: "new", title: "New", align: "right", cell: (row) => formatSize(row.bytes_new) },
];

function copies(row: ObjectReport): string {
  return row.copies_required
    ? `${row.copies_durable} of ${row.copies_required}`
    : `${row.copies_durable}`;
}

const DEVICE_STATES: Record<string, string> = { complete: "success", failed: "failed" };

const DEVICES: Column<DeviceReport>[] = [
  { key: "agent", title: "Agent", cell: (row) => <Name text={row.agent || row.name} /> },
  { key: "role", title: "Role", cell: (row) => row.role },
  { key: "level", title: "Level", align: "right", cell: (row) => row.level },
  {
    key: "state",
    title: "State",
    cell: (row) => <Light state={DEVICE_STATES[row.state] ?? "incomplete"}>{row.state}</Light>,
  },
  {
    key: "written",
    title: "Written",
    align: "right",
    cell: (row) => formatSize(row.bytes_written),
  },
  { key: "frames", title: "Frames", align: "right", cell: (row) => formatCount(row.frames) },
];

export function DeviceTable({ devices }: { devices: readonly DeviceReport[] }) {
  return (
    <Table
      caption="Devices"
      columns={DEVICES}
      rows={devices}
      rowKey={(row) => `${row.agent} ${row.name}`}
    />
  );
}

/** What a session says of itself when it has ended. */
export function ReportView({ report }: { report: Report }) {
  const busy = report.duration_seconds - report.start_seconds;
  const facts: [string, string][] = [
    ["Took", formatSeconds(report.duration_seconds)],
    ["Files", formatCount(report.files)],
    ["Selected", formatSize(report.bytes_source)],
    ["Read", formatSize(report.bytes_read)],
    ["New", formatSize(report.bytes_new)],
    ["Known already", formatSize(report.bytes_known + report.bytes_deduplicated)],
    ["Rate", busy > 0 ? formatRate(report.bytes_read / busy) : "–"],
    ["Engine", report.engine || "–"],
  ];
  return (
    <section className="stack report" aria-label={`Report of ${report.kind}`}>
      <div className="panel">
        <Facts facts={facts} />
      </div>
      {report.objects.length > 0 && (
        <Table
          caption="Objects"
          columns={OBJECTS}
          rows={report.objects}
          rowKey={(row) => row.object_id || row.name}
        />
      )}
      {report.devices.length > 0 && <DeviceTable devices={report.devices} />}
      <Problems problems={report.problems} />
      {report.outcome === "incomplete" &&
        report.devices.some((row) => row.state !== "complete") && (
          <p className="note" data-tone="warn">
            Copies are missing. <a href={hashOf("devices")}>Repair</a> completes them from the
            others.
          </p>
        )}
    </section>
  );
}
