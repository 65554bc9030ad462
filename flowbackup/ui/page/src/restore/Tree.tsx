import { useState } from "react";
import { type Entry, inOrder, nameOf } from "../catalog/paths";
import { asking, FaultNote, Loading, More, useRows } from "../loading";
import { Name } from "../text/Name";
import { formatSize } from "../text/size";
import { isCutOut, type Marks, tickOf, toggled } from "./marks";

interface TreeProps {
  version: string;
  marks: Marks;
  onChange: (marks: Marks) => void;
}

/** Tick boxes of a whole version, of which only open folders are asked for. */
export function Tree({ version, marks, onChange }: TreeProps) {
  return (
    <div className="tree">
      <TickBox label="Everything" path="" marks={marks} onChange={onChange}>
        <strong>Everything</strong>
      </TickBox>
      <Folder version={version} path="" marks={marks} onChange={onChange} />
    </div>
  );
}

function Folder({ version, path, marks, onChange }: TreeProps & { path: string }) {
  const list = useRows<Entry>(asking("/api/ls", { version, path }));
  if (list.fault) return <FaultNote fault={list.fault} again={list.again} />;
  if (list.isLoading && list.rows.length === 0) return <Loading />;
  return (
    <>
      <ul>
        {inOrder(list.rows).map((entry) => (
          <Item
            key={entry.path_base64 ?? entry.path}
            entry={entry}
            version={version}
            marks={marks}
            onChange={onChange}
          />
        ))}
        {list.rows.length === 0 && <li className="soft">empty</li>}
      </ul>
      <More list={list} />
    </>
  );
}

function Item({ entry, version, marks, onChange }: TreeProps & { entry: Entry }) {
  const [isOpen, setOpen] = useState(() => hasMarksBelow(marks, entry.path));
  const isFolder = entry.kind === "directory";
  const name = nameOf(entry.path);
  // What has no text that its bytes could be had back from comes with its folder.
  const isNamed = entry.path_base64 == null;
  return (
    <li>
      <div className="tree-row">
        {isFolder && isNamed ? (
          <button
            type="button"
            className="tree-open"
            aria-expanded={isOpen}
            aria-label={`${isOpen ? "Close" : "Open"} ${name}`}
            onClick={() => setOpen(!isOpen)}
          >
            <span aria-hidden="true">{isOpen ? "▾" : "▸"}</span>
          </button>
        ) : (
          <span className="tree-open" />
        )}
        <TickBox
          label={name}
          path={entry.path}
          marks={marks}
          onChange={onChange}
          disabled={!isNamed || isCutOut(marks, entry.path)}
        >
          <Name text={name} />
          {isFolder && <span className="soft">/</span>}
        </TickBox>
        {!isFolder && (
          <span className="soft numbers">
            {entry.kind === "file" ? formatSize(entry.size) : entry.kind}
          </span>
        )}
      </div>
      {isOpen && <Folder version={version} path={entry.path} marks={marks} onChange={onChange} />}
    </li>
  );
}

function hasMarksBelow(marks: Marks, path: string): boolean {
  return [...marks.keys()].some((other) => other.startsWith(`${path}/`));
}

interface TickBoxProps {
  label: string;
  path: string;
  marks: Marks;
  onChange: (marks: Marks) => void;
  disabled?: boolean;
  children: React.ReactNode;
}

function TickBox({ label, path, marks, onChange, disabled, children }: TickBoxProps) {
  const tick = tickOf(marks, path);
  return (
    <label className="check">
      <input
        type="checkbox"
        aria-label={label}
        disabled={disabled}
        checked={tick === "on"}
        ref={(box) => {
          if (box) box.indeterminate = tick === "part";
        }}
        onChange={() => onChange(toggled(marks, path))}
      />
      <span>{children}</span>
    </label>
  );
}
