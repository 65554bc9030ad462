import { useState } from "react";
import { api, type Fault } from "../api/client";
import type { Version } from "../catalog/paths";
import { FaultNote, useAsked } from "../loading";
import { Button, ChoiceField, TextField } from "../parts";
import { hasEnded } from "../run/state";
import { useRun } from "../run/useRun";
import { go } from "../shell/routes";
import { Name } from "../text/Name";
import { formatTime } from "../text/time";
import { visible } from "../text/visible";
import { askedOf, EVERYTHING, isNothing, type Marks, marksText } from "./marks";
import { RestoreOutcome } from "./RestoreOutcome";
import { Tree } from "./Tree";

const OVERWRITE = [
  { value: "never", label: "stay as they are" },
  { value: "changed", label: "are replaced where they differ" },
  { value: "always", label: "are always replaced" },
];

/** What of a version, whereto; a dry run first if one likes. */
export function RestoreForm({ version, path }: { version: Version; path: string }) {
  const state = useAsked<{ roots: string[] }>("/api/state");
  const [marks, setMarks] = useState<Marks>(() => (path ? new Map([[path, true]]) : EVERYTHING));
  const [target, setTarget] = useState("");
  const [overwrite, setOverwrite] = useState("never");
  const [fault, setFault] = useState<Fault | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [trial, setTrial] = useState<string | null>(null);
  const roots = state.value?.roots ?? [];
  const isReady = target.trim() !== "" && !isNothing(marks) && !isBusy;

  const start = async (dryRun: boolean) => {
    setBusy(true);
    setFault(null);
    setTrial(null);
    const answer = await api.post<{ id: string }>("/api/restores", {
      version: version.object_id,
      ...askedOf(marks),
      target: target.trim(),
      overwrite,
      dry_run: dryRun,
    });
    setBusy(false);
    if (!answer.ok) setFault(answer.fault);
    else if (dryRun) setTrial(answer.value.id);
    else go("restore", answer.value.id);
  };

  return (
    <>
      <section className="panel stack" aria-labelledby="what">
        <header className="spread">
          <h2 id="what">What</h2>
          <span className="soft" role="status">
            {marksText(marks)}
          </span>
        </header>
        <p className="soft">
          <Name text={`${version.client}/${version.name}@${version.version}`} /> of{" "}
          {formatTime(version.finished_ns)}
        </p>
        {version.outcome !== "success" && (
          <p className="note" data-tone="warn">
            This version is {version.outcome}: not everything could be read when it was made.
          </p>
        )}
        <Tree version={version.object_id} marks={marks} onChange={setMarks} />
      </section>
      <section className="panel stack" aria-labelledby="where">
        <h2 id="where">Whereto</h2>
        <TextField
          label="Folder"
          placeholder={roots[0] ? `${roots[0].replace(/\/$/, "")}/restored` : "/tmp/restored"}
          value={target}
          onChange={(event) => setTarget(event.target.value)}
          hint={
            roots.length
              ? `On the machine of the server, below ${roots.map(visible).join(" or ")}. It is made if it is not there.`
              : undefined
          }
        />
        <ChoiceField
          label="Files that are there already"
          value={overwrite}
          onChange={(event) => setOverwrite(event.target.value)}
          choices={OVERWRITE}
        />
        <div className="row">
          <Button kind="primary" disabled={!isReady} onClick={() => start(false)}>
            Restore
          </Button>
          <Button disabled={!isReady} onClick={() => start(true)}>
            Dry run
          </Button>
          {isNothing(marks) && <span className="soft">Tick something first.</span>}
          {!isNothing(marks) && target.trim() === "" && <span className="soft">Say whereto.</span>}
        </div>
        {fault && <FaultNote fault={fault} />}
      </section>
      {trial && <Trial key={trial} id={trial} />}
    </>
  );
}

/** What would happen, and which copies would be read. */
function Trial({ id }: { id: string }) {
  const { run, fault } = useRun(id);
  if (fault) return <FaultNote fault={fault} />;
  return (
    <section className="panel stack" aria-labelledby="trial" aria-busy={!run || !hasEnded(run)}>
      <h2 id="trial">What would happen</h2>
      {(!run || !hasEnded(run)) && <p className="soft">Looking…</p>}
      {run && hasEnded(run) && <RestoreOutcome run={run} isTrial />}
    </section>
  );
}
