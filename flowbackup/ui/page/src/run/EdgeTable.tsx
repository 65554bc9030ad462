import { type Column, Light, Table } from "../parts";
import { Name } from "../text/Name";
import { formatRate, formatSize } from "../text/size";
import type { EdgeNow } from "./state";
import { edgeMood, edgeText } from "./waits";

const LIGHTS = { good: "running", warn: "incomplete", bad: "failed", quiet: "never" } as const;

const COLUMNS: Column<EdgeNow>[] = [
  {
    key: "name",
    title: "Coupling",
    cell: (edge) => (
      <span style={{ paddingLeft: `${edge.level * 14}px` }}>
        <Name text={edge.source && edge.target ? `${edge.source} → ${edge.target}` : edge.name} />
      </span>
    ),
  },
  { key: "rate", title: "Rate", align: "right", cell: (edge) => formatRate(edge.bytes_per_second) },
  {
    key: "fill",
    title: "Buffer",
    align: "right",
    cell: (edge) => (edge.slots ? `${edge.slots_used}/${edge.slots}` : "–"),
  },
  { key: "moved", title: "Moved", align: "right", cell: (edge) => formatSize(edge.bytes_moved) },
  {
    key: "durable",
    title: "Durable",
    align: "right",
    cell: (edge) => (edge.slots ? formatSize(edge.bytes_durable) : "–"),
  },
  {
    key: "state",
    title: "State",
    cell: (edge) => (
      <Light state={LIGHTS[edgeMood(edge)]}>
        <Name text={edgeText(edge)} />
      </Light>
    ),
  },
];

/** The same as the picture says, for those who read tables or hear the page. */
export function EdgeTable({ edges }: { edges: readonly EdgeNow[] }) {
  return <Table caption="Couplings" columns={COLUMNS} rows={edges} rowKey={(edge) => edge.name} />;
}
