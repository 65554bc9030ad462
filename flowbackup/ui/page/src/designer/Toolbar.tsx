import type { ReactNode } from "react";
import { Button } from "../parts";
import { DRAGGED_KIND, type PartWord } from "./canvas/Canvas";
import type { Action } from "./shortcuts";

interface ToolbarProps {
  title: string;
  isDirty: boolean;
  canUndo: boolean;
  canRedo: boolean;
  onAction: (action: Action) => void;
  children: ReactNode;
}

const PARTS: readonly { part: PartWord; title: string }[] = [
  { part: "client", title: "Client" },
  { part: "backup", title: "Backup" },
  { part: "mirror", title: "Mirror" },
  { part: "restore", title: "Restore" },
  { part: "copy", title: "Copy" },
];

/** What can be done with the graph, and what can be added to it: by a click, or dragged to a place. */
export function Toolbar({ title, isDirty, canUndo, canRedo, onAction, children }: ToolbarProps) {
  return (
    <div className="toolbar">
      <div className="toolbar-title">
        <h1>{title}</h1>
        {isDirty && <span className="unsaved">not saved</span>}
      </div>
      <fieldset className="palette">
        <legend className="visually-hidden">Add</legend>
        {PARTS.map(({ part, title: name }) => (
          <button
            key={part}
            type="button"
            className="palette-part"
            data-role={part}
            draggable
            aria-label={part === "client" ? "Add a client" : `Add a ${part} group`}
            title={part === "client" ? "Add a client" : `Add a ${part} group`}
            onDragStart={(event) => event.dataTransfer.setData(DRAGGED_KIND, part)}
            onClick={() => onAction(`add-${part}`)}
          >
            {name}
          </button>
        ))}
      </fieldset>
      <div className="toolbar-actions">
        <Button
          kind="quiet"
          disabled={!canUndo}
          aria-label="Undo"
          title="Undo (Ctrl+Z)"
          onClick={() => onAction("undo")}
        >
          ↶
        </Button>
        <Button
          kind="quiet"
          disabled={!canRedo}
          aria-label="Do again"
          title="Do again (Ctrl+Shift+Z)"
          onClick={() => onAction("redo")}
        >
          ↷
        </Button>
        <Button kind="quiet" title="Arrange the boxes (a)" onClick={() => onAction("arrange")}>
          Arrange
        </Button>
        <Button kind="quiet" aria-label="Keys" title="Keys (?)" onClick={() => onAction("help")}>
          ?
        </Button>
        {children}
      </div>
    </div>
  );
}
