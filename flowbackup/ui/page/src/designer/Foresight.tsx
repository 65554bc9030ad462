import type { Design } from "../api/designing";
import { formatRate, formatSize } from "../text/size";

/** What the graph would need and give: memory of each node, what bounds it, how fast it is. */
export function Foresight({ design }: { design: Design | null }) {
  const memory = design?.memory ?? [];
  return (
    <dl className="foresight" aria-label="What it would need">
      <div>
        <dt>Memory</dt>
        <dd>
          {memory.length
            ? memory.map(({ node, bytes }) => `${node} ${formatSize(bytes)}`).join(", ")
            : "–"}
        </dd>
      </div>
      <div>
        <dt>Rate</dt>
        <dd>{design?.rate ? formatRate(design.rate) : "not known"}</dd>
      </div>
      {design?.bottleneck && (
        <div className="wide">
          <dt>Bottleneck</dt>
          <dd title={design.bottleneck}>{design.bottleneck}</dd>
        </div>
      )}
    </dl>
  );
}
