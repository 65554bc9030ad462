import { type Column, Table } from "../parts";
import { formatRate, formatSeconds, formatSize } from "../text/size";
import { visible } from "../text/visible";
import { compared, type Difference, type Prediction } from "./prediction";

interface ComparisonProps {
  one: Prediction;
  other: Prediction;
  names: [string, string];
}

const WORDS = { seconds: formatSeconds, rate: formatRate, size: formatSize };

/** Two layouts line by line; what is better is marked. */
export function Comparison({ one, other, names }: ComparisonProps) {
  const side = (which: "one" | "other", title: string): Column<Difference> => ({
    key: which,
    title,
    cell: (row) => (
      <span className="better" data-better={row.better === which || undefined}>
        {row[which]}
        {row.better === which && <em> better</em>}
      </span>
    ),
  });
  const columns: Column<Difference>[] = [
    { key: "what", title: "", cell: (row) => row.what },
    side("one", title(one, names[0])),
    side("other", title(other, names[1])),
  ];
  return (
    <Table
      caption="Two layouts"
      columns={columns}
      rows={compared(one, other, WORDS)}
      rowKey={(row) => row.what}
    />
  );
}

function title(found: Prediction, path: string): string {
  return visible(found.summary.graph || path);
}
