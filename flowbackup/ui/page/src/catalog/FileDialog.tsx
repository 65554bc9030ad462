import { useState } from "react";
import { api, type Fault } from "../api/client";
import { asking, FaultNote, Loading, useAsked } from "../loading";
import { Button, Dialog, useSay } from "../parts";
import { Facts } from "../parts/Facts";
import { go } from "../shell/routes";
import { Name } from "../text/Name";
import { formatSize } from "../text/size";
import { formatTime } from "../text/time";
import { type Entry, nameOf, sent, type Version } from "./paths";
import { Timeline } from "./Timeline";

interface FileDialogProps {
  version: Version;
  entry: Entry;
  onClose: () => void;
}

/** text: null where the content is none. */
interface Preview {
  text: string | null;
  size: number;
  truncated: boolean;
}

/** One file of one version: what it is, its beginning, and what became of it. */
export function FileDialog({ version, entry, onClose }: FileDialogProps) {
  const say = useSay();
  const [fault, setFault] = useState<Fault | null>(null);
  const object = `${version.client}/${version.name}`;
  const download = async () => {
    setFault(null);
    const body = { version: version.object_id, ...sent(entry) };
    const answer = await api.post<{ path: string }>("/api/download/ticket", body);
    if (!answer.ok) return setFault(answer.fault);
    const link = document.createElement("a");
    link.href = answer.value.path;
    link.download = "";
    link.click();
    say("The download begins.");
  };
  const isFile = entry.kind === "file";
  return (
    <Dialog
      title={nameOf(entry.path)}
      onClose={onClose}
      actions={
        <>
          <Button
            onClick={() =>
              go("restore", "", { object, version: version.object_id, path: entry.path })
            }
          >
            Restore
          </Button>
          {isFile && (
            <Button kind="primary" onClick={download}>
              Download
            </Button>
          )}
        </>
      }
    >
      <p className="soft">
        <Name className="mono" text={`${object}@${version.version}:${entry.path}`} />
      </p>
      <Facts
        facts={[
          ["Kind", entry.kind],
          ["Size", formatSize(entry.size)],
          ["Changed", formatTime(entry.mtime_ns)],
          ["Mode", entry.mode],
          ["Owner", entry.owner || String(entry.uid)],
          ["Group", entry.group || String(entry.gid)],
        ]}
      />
      {entry.problem && (
        <p className="note" data-tone="warn">
          It was saved with a problem: {entry.problem}
        </p>
      )}
      {fault && <FaultNote fault={fault} />}
      {isFile && <PreviewPart version={version} entry={entry} />}
      <section className="stack">
        <h3>Through time</h3>
        <Timeline place={`${object}:${entry.path}`} />
      </section>
    </Dialog>
  );
}

function PreviewPart({ version, entry }: { version: Version; entry: Entry }) {
  const asked = useAsked<Preview>(
    asking("/api/preview", { version: version.object_id, ...sent(entry) }),
  );
  const found = asked.value;
  return (
    <section className="stack">
      <h3>Preview</h3>
      {asked.fault && <FaultNote fault={asked.fault} again={asked.again} />}
      {asked.isLoading && !found && <Loading what="Reading from a medium" />}
      {found && found.text === null && <p className="soft">It is no text.</p>}
      {found && found.text !== null && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reached by keys
        <section className="preview" tabIndex={0} aria-label="Beginning of the file">
          <pre>{found.text || "(empty)"}</pre>
        </section>
      )}
      {found?.truncated && (
        <p className="soft">
          This is the beginning of {formatSize(found.size)}; download it for all of it.
        </p>
      )}
    </section>
  );
}
