import { Handle, type Node, type NodeProps, Position } from "@xyflow/react";
import { type CSSProperties, memo } from "react";
import {
  AGENT_HEIGHT,
  AGENT_WIDTH,
  type AgentBox,
  type Box,
  type ClientBox,
  type GroupBox,
  OBJECT_HEIGHT,
} from "../model/chart";
import { HERE } from "../model/spec";
import { Name } from "../text/Name";
import { visible } from "../text/visible";
import type { AgentLook } from "./looks";
import type { Direction } from "./places";

export interface LiveBoxData extends Record<string, unknown> {
  box: Box;
  agents: ReadonlyMap<string, AgentLook>;
  direction: Direction;
}

const INTO = { right: Position.Left, down: Position.Top };
const OUT = { right: Position.Right, down: Position.Bottom };

/** A client or group with its agents, as on the canvas of the designer. */
export const LiveBox = memo(function LiveBox({ data }: NodeProps<Node<LiveBoxData, "live">>) {
  const { box, agents, direction } = data;
  return box.kind === "client" ? (
    <Client box={box} direction={direction} />
  ) : (
    <Group box={box} agents={agents} direction={direction} />
  );
});

function Client({ box, direction }: { box: ClientBox; direction: Direction }) {
  return (
    <section className="client-box" aria-label={`client ${box.name}`}>
      <header>
        <strong className="live-name">
          <Name text={box.name} />
        </strong>
        <span className="box-role">
          {box.node === HERE ? "client" : `client on ${visible(box.node)}`}
        </span>
      </header>
      {box.objects.map((object) => (
        <div key={object.name} className="object-row" style={{ height: OBJECT_HEIGHT }}>
          <span className="live-object">
            <Name text={object.name} />
          </span>
          <span className="object-source" title={visible(object.source)}>
            {visible(object.source)}
          </span>
          {direction === "right" && (
            <Handle
              type="source"
              id={`object/${object.name}`}
              position={OUT[direction]}
              className="unseen"
            />
          )}
        </div>
      ))}
      {box.more > 0 && <div className="object-row soft">and {box.more} more</div>}
      <Handle type="source" id={box.id} position={OUT[direction]} />
    </section>
  );
}

interface GroupProps {
  box: GroupBox;
  agents: LiveBoxData["agents"];
  direction: Direction;
}

function Group({ box, agents, direction }: GroupProps) {
  return (
    <section
      className="group-box"
      data-role={box.role}
      aria-label={`${box.role} group ${box.name}`}
    >
      <Handle type="target" id={box.id} position={INTO[direction]} className="end-in" />
      <header>
        <strong className="live-name">
          <Name text={box.name} />
        </strong>
        <span className="box-role">
          {box.role}
          {box.note && `, ${box.note}`}
        </span>
      </header>
      {box.agents.map((agent) => (
        <Agent key={agent.id} agent={agent} look={agents.get(agent.name)} direction={direction} />
      ))}
      <Handle type="source" id={box.id} position={OUT[direction]} className="unseen" />
    </section>
  );
}

interface AgentProps {
  agent: AgentBox;
  look: AgentLook | undefined;
  direction: Direction;
}

function Agent({ agent, look, direction }: AgentProps) {
  const place = { left: agent.at.x, top: agent.at.y, width: AGENT_WIDTH, height: AGENT_HEIGHT };
  const slots = look?.slots ?? 0;
  return (
    <div className="agent live-agent" data-mood={look?.mood ?? "quiet"} style={place}>
      <Handle type="target" id={agent.id} position={INTO[direction]} className="unseen" />
      <span className="live-head">
        <strong className="live-name">
          <Name text={agent.device} />
        </strong>
        {slots > 0 && (
          <span className="live-used">
            {look?.used}/{slots}
          </span>
        )}
      </span>
      {look?.text ? (
        <span className="live-state">{visible(look.text)}</span>
      ) : (
        <span className="agent-place" title={visible(agent.place)}>
          {visible(agent.place)}
        </span>
      )}
      {slots > 0 && (
        <span
          className="buffers"
          role="img"
          aria-label={`${look?.used} of ${slots} buffers in use`}
          style={
            { "--cells": slots, "--first": 0, "--part": (look?.used ?? 0) / slots } as CSSProperties
          }
        />
      )}
      <Handle type="source" id={agent.id} position={OUT[direction]} className="unseen" />
    </div>
  );
}
