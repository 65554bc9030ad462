import { useState } from "react";
import { asking, FaultNote, Loading, More, useRows } from "../loading";
import { Button } from "../parts";
import { go } from "../shell/routes";
import { Name } from "../text/Name";
import { counted, formatSize } from "../text/size";
import { formatTime } from "../text/time";
import { Copies } from "./Copies";
import { FileDialog } from "./FileDialog";
import { crumbs, type Entry, nameOf, type Version } from "./paths";

interface BrowserProps {
  version: Version;
  path: string;
  onPath: (path: string) => void;
}

/** One version as it was: folder by folder. */
export function Browser({ version, path, onPath }: BrowserProps) {
  const list = useRows<Entry>(asking("/api/ls", { version: version.object_id, path }));
  const [opened, setOpened] = useState<Entry | null>(null);
  const object = `${version.client}/${version.name}`;
  return (
    <>
      <section className="panel browser" aria-label="Files">
        <header className="spread">
          <nav aria-label="Folder" className="crumbs">
            <Button
              kind="quiet"
              onClick={() => onPath("")}
              aria-current={path === "" ? "location" : undefined}
            >
              <Name text={object} />
            </Button>
            {crumbs(path).map((crumb) => (
              <span key={crumb.path}>
                <span aria-hidden="true">/</span>
                <Button
                  kind="quiet"
                  onClick={() => onPath(crumb.path)}
                  aria-current={crumb.path === path ? "location" : undefined}
                >
                  <Name text={crumb.name} />
                </Button>
              </span>
            ))}
          </nav>
          <Button onClick={() => go("restore", "", { object, version: version.object_id, path })}>
            Restore
          </Button>
        </header>
        {list.fault && <FaultNote fault={list.fault} again={list.again} />}
        {list.isLoading && list.rows.length === 0 && <Loading />}
        {!list.isLoading && !list.fault && list.rows.length === 0 && (
          <p className="table-empty">This folder is empty.</p>
        )}
        <ul className="entries">
          {list.rows.map((entry) => (
            <li key={entry.path_base64 ?? entry.path}>
              <EntryRow
                entry={entry}
                onOpen={() =>
                  entry.kind === "directory" && !entry.path_base64
                    ? onPath(entry.path)
                    : setOpened(entry)
                }
              />
            </li>
          ))}
        </ul>
        <More list={list} />
        <footer className="soft">
          {counted(version.files, "file")}, {formatSize(version.bytes_source)} in this version
        </footer>
      </section>
      <Copies version={version.object_id} />
      {opened && <FileDialog version={version} entry={opened} onClose={() => setOpened(null)} />}
    </>
  );
}

const MARKS: Record<string, string> = { directory: "▸", symlink: "↪", file: "" };

function EntryRow({ entry, onOpen }: { entry: Entry; onOpen: () => void }) {
  return (
    <button type="button" className="entry" onClick={onOpen}>
      <span className="entry-name">
        <span className="entry-mark" aria-hidden="true">
          {MARKS[entry.kind] ?? "◦"}
        </span>
        <Name text={nameOf(entry.path) || "."} />
        {entry.kind !== "file" && <span className="visually-hidden">, {entry.kind}</span>}
        {entry.target != null && (
          <span className="soft">
            {" → "}
            <Name text={entry.target} />
          </span>
        )}
        {entry.problem && <span className="entry-problem">{entry.problem}</span>}
      </span>
      <span className="soft numbers">{entry.kind === "file" ? formatSize(entry.size) : ""}</span>
      <span className="soft numbers">{formatTime(entry.mtime_ns)}</span>
    </button>
  );
}
