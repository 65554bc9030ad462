import { FlowPicture } from "../live/FlowPicture";
import type { AgentLook, EdgeLook } from "../live/looks";
import { Plot } from "../live/Plot";
import type { Drawn } from "../live/useDrawn";
import { type Column, Light, Table } from "../parts";
import { Bar } from "../parts/Bar";
import { Facts } from "../parts/Facts";
import { Name } from "../text/Name";
import { formatRate, formatSeconds, formatSize } from "../text/size";
import { visible } from "../text/visible";
import { type DeviceResult, type Loss, linesOf, longWaits, type Prediction } from "./prediction";

/** What the simulator says of one layout. */
export function PredictionView({ found, drawn }: { found: Prediction; drawn: Drawn | null }) {
  const { summary } = found;
  const lines = linesOf(found);
  const devices = found.devices.filter((device) => device.stage === 0);
  return (
    <section className="stack prediction" aria-label={`Prediction of ${summary.graph}`}>
      <div className="panel stack">
        <div className="row">
          <Light state={summary.outcome} />
          <h2>
            <Name text={summary.graph} />
          </h2>
        </div>
        <Facts
          facts={[
            ["Takes", formatSeconds(summary.duration_seconds)],
            ["With copies behind", formatSeconds(summary.duration_seconds_total)],
            ["Rate", formatRate(summary.rate)],
            ["Data", formatSize(summary.bytes_source)],
          ]}
        />
        <p>{visible(summary.bottleneck)}</p>
        {summary.assumed.length > 0 && (
          <p className="note" data-tone="warn">
            Nobody said how fast these are, so a rate is assumed:{" "}
            {summary.assumed.map(visible).join(", ")}.
          </p>
        )}
      </div>
      {drawn && (
        <FlowPicture
          label="Rates on the graph"
          spec={drawn.spec}
          positions={drawn.positions}
          edges={edgesOf(found)}
          agents={agentsOf(found)}
        />
      )}
      <Table caption="Devices" columns={DEVICES} rows={devices} rowKey={(row) => row.agent} />
      <Waits found={found} />
      {found.losses.length > 0 && (
        <Table
          caption="What would be lost"
          columns={LOSSES}
          rows={found.losses}
          rowKey={(row) => `${row.device}@${row.at_seconds}`}
        />
      )}
      <section className="panel stack">
        <h3>Memory</h3>
        {summary.memory.map((part) => (
          <div key={part.node} className="stack tight">
            <div className="spread">
              <Name text={part.node} />
              <span className="soft">
                {formatSize(part.bytes_peak)} of {formatSize(part.bytes_planned)} at most
              </span>
            </div>
            <Bar
              label={`Memory of ${part.node}`}
              share={part.bytes_planned ? part.bytes_peak / part.bytes_planned : 0}
            />
          </div>
        ))}
      </section>
      {lines.seconds.length > 2 && (
        <section className="panel stack">
          <h3>Reading over time</h3>
          <Plot
            label="Rate of reading"
            seconds={lines.seconds}
            lines={[{ name: "read", values: lines.read }]}
            text={formatRate}
            height={150}
          />
          <h3>Buffers in use</h3>
          <Plot
            label="Buffers in use"
            seconds={lines.seconds}
            lines={[...lines.fill].map(([name, values]) => ({ name, values }))}
            text={slots}
            height={150}
          />
        </section>
      )}
    </section>
  );
}

const slots = (value: number) => value.toFixed(0);

function Waits({ found }: { found: Prediction }) {
  const waits = longWaits(found);
  if (waits.length === 0) return null;
  return (
    <section className="panel stack">
      <h3>Who waits for whom</h3>
      {waits.map((wait) => (
        <div key={`${wait.who} ${wait.whom}`} className="stack tight">
          <div className="spread">
            <span>
              <Name text={wait.who} /> for <Name text={wait.whom || "who was lost"} />
            </span>
            <span className="soft">{(wait.share * 100).toFixed(0)} % of the time</span>
          </div>
          <Bar label={`${wait.who} waits for ${wait.whom}`} share={wait.share} tone="warn" />
        </div>
      ))}
    </section>
  );
}

const DEVICES: Column<DeviceResult>[] = [
  { key: "agent", title: "Agent", cell: (row) => <Name text={row.agent} /> },
  {
    key: "durable",
    title: "Durable",
    align: "right",
    cell: (row) => formatSize(row.bytes_durable),
  },
  { key: "busy", title: "Busy", align: "right", cell: (row) => formatSeconds(row.busy_seconds) },
  {
    key: "peak",
    title: "Buffers at most",
    align: "right",
    cell: (row) => `${row.slots_peak}/${row.slots}`,
  },
  {
    key: "end",
    title: "End",
    cell: (row) =>
      row.failure ? (
        <Light state="failed">
          {visible(row.failure)} at {formatSeconds(row.failed_at)}
        </Light>
      ) : (
        <Light state="success">works</Light>
      ),
  },
];

const LOSSES: Column<Loss>[] = [
  {
    key: "device",
    title: "If this dies",
    cell: (row) => (
      <>
        <Name text={row.device} /> <span className="soft">at {formatSeconds(row.at_seconds)}</span>
      </>
    ),
  },
  { key: "held", title: "On it", align: "right", cell: (row) => formatSize(row.bytes_durable) },
  {
    key: "lost",
    title: "Lost",
    cell: (row) =>
      row.bytes_lost ? (
        <Light state="failed">{formatSize(row.bytes_lost)}</Light>
      ) : (
        <Light state="success">nothing</Light>
      ),
  },
  {
    key: "elsewhere",
    title: "Restored from",
    cell: (row) =>
      Object.entries(row.elsewhere)
        .map(([name, bytes]) => `${visible(name)}: ${formatSize(bytes)}`)
        .join(", ") || "nowhere",
  },
];

/** Rates of the couplings; who is waited for is marked. */
function edgesOf(found: Prediction): EdgeLook[] {
  const waited = new Set(longWaits(found).map((wait) => wait.whom));
  return found.edges.map((edge) => {
    const [source = "", target = ""] = edge.name.split(" -> ");
    const isSlow = [edge.name, target, target.split(".").at(-1) ?? ""].some((name) =>
      waited.has(name),
    );
    return {
      source,
      target,
      rate: edge.rate,
      under: isSlow ? "is waited for" : "",
      mood: isSlow ? "warn" : "good",
      flows: false,
    };
  });
}

function agentsOf(found: Prediction): Map<string, AgentLook> {
  return new Map(
    found.devices.map((device) => [
      device.agent,
      {
        used: device.slots_peak,
        slots: device.slots,
        text: device.failure ? "failed" : "",
        mood: device.failure ? "bad" : "quiet",
      },
    ]),
  );
}
