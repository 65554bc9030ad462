import { Handle, type Node, type NodeProps, Position } from "@xyflow/react";
import { memo } from "react";
import { type ClientBox, OBJECT_HEIGHT } from "../../model/chart";
import { HERE } from "../../model/spec";
import { keyText, useAround } from "./context";
import { NameButton } from "./NameButton";

export type ClientNodeType = Node<{ box: ClientBox }, "clientBox">;

/** A client with its data objects, each of which can be dragged to where it goes. */
export const ClientNode = memo(
  function ClientNode({ data }: NodeProps<ClientNodeType>) {
    const { box } = data;
    const around = useAround();
    return (
      <section
        className="client-box"
        data-box={box.id}
        data-chosen={around.chosen === keyText(box.keys) || undefined}
        data-troubled={around.troubled.has(box.id) || undefined}
        style={{ width: box.width, height: box.height }}
        aria-label={`client ${box.name}`}
      >
        <header>
          <NameButton kind="box-name" keys={box.keys} name={box.name} />
          <span className="box-role">{box.node === HERE ? "client" : `client on ${box.node}`}</span>
        </header>
        {box.objects.map((object) => {
          const keys = [...box.keys, "objects", object.name];
          return (
            <div
              key={object.name}
              className="object-row"
              style={{ height: OBJECT_HEIGHT }}
              data-chosen={around.chosen === keyText(keys) || undefined}
            >
              <NameButton kind="object-name" keys={keys} name={object.name} />
              <span className="object-source" title={object.source}>
                {object.source}
              </span>
              <Handle
                type="source"
                id={`object/${object.name}`}
                position={Position.Right}
                className="end-out small"
                title="Drag this object to a backup group, or to buffers"
              />
            </div>
          );
        })}
        {box.more > 0 && <div className="object-row soft">and {box.more} more</div>}
        {!box.objects.length && <div className="object-row soft">no objects</div>}
        <Handle
          type="source"
          id="all"
          position={Position.Right}
          className="end-out"
          title="Drag all objects to a backup group"
        />
      </section>
    );
  },
  (before, after) => before.data === after.data,
);
