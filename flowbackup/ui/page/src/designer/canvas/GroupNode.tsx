import { Handle, type Node, type NodeProps, Position } from "@xyflow/react";
import { memo } from "react";
import { AGENT_HEIGHT, AGENT_WIDTH, type AgentBox, type GroupBox } from "../../model/chart";
import { rangeText } from "../../model/endpoint";
import { Buffers } from "./Buffers";
import { keyText, useAround } from "./context";
import { NameButton } from "./NameButton";

export type GroupNodeType = Node<{ box: GroupBox }, "groupBox">;

/** A frame around the agents of a group. */
export const GroupNode = memo(
  function GroupNode({ data }: NodeProps<GroupNodeType>) {
    const { box } = data;
    const around = useAround();
    const verdict = around.verdict({ group: box.name });
    return (
      <section
        className="group-box"
        data-role={box.role}
        data-box={box.id}
        data-legal={legalWord(verdict)}
        data-chosen={around.chosen === keyText(box.keys) || undefined}
        data-troubled={around.troubled.has(box.id) || undefined}
        style={{ width: box.width, height: box.height }}
        aria-label={`${box.role} group ${box.name}`}
      >
        <Handle type="target" id={box.id} position={Position.Left} className="end-in" />
        <header>
          <NameButton kind="box-name" keys={box.keys} name={box.name} />
          <span className="box-role">
            {box.role}
            {box.note && `, ${box.note}`}
          </span>
          <button
            type="button"
            className="box-add nodrag"
            aria-label={`Add a device to ${box.name}`}
            title="Add a device"
            onClick={(event) => {
              event.stopPropagation();
              around.addAgent(box.name);
            }}
          >
            +
          </button>
        </header>
        {box.agents.map((agent) => (
          <AgentCard key={agent.id} box={box} agent={agent} />
        ))}
        <Handle type="source" id={box.id} position={Position.Right} className="end-out" />
      </section>
    );
  },
  (before, after) => before.data === after.data,
);

function AgentCard({ box, agent }: { box: GroupBox; agent: AgentBox }) {
  const around = useAround();
  const keys = ["devices", agent.device];
  const range = around.range?.agent === agent.name ? around.range.buffers : null;
  const verdict = around.verdict({ group: box.name, device: agent.device });
  return (
    <div
      className="agent"
      data-box={agent.id}
      data-legal={legalWord(verdict)}
      data-chosen={around.chosen === keyText(keys) || undefined}
      data-troubled={around.troubled.has(agent.id) || undefined}
      style={{ left: agent.at.x, top: agent.at.y, width: AGENT_WIDTH, height: AGENT_HEIGHT }}
    >
      <Handle type="target" id={agent.id} position={Position.Left} className="end-in" />
      <NameButton kind="agent-name" keys={keys} name={agent.device} />
      <span className="agent-place" title={agent.place}>
        {agent.place}
      </span>
      <Buffers
        agent={agent.name}
        count={box.buffers}
        chosen={range}
        onChoose={(buffers) => around.chooseRange(agent.name, buffers)}
      />
      <Handle
        type="source"
        id={agent.id}
        position={Position.Right}
        className={range ? "end-out with-range" : "end-out"}
        title={range ? `Drag to couple ${rangeText(range)}` : "Drag to couple"}
      >
        {range && <span className="range-mark">{rangeText(range)}</span>}
      </Handle>
    </div>
  );
}

function legalWord(verdict: { legal: boolean } | null): string | undefined {
  return verdict ? (verdict.legal ? "yes" : "no") : undefined;
}
