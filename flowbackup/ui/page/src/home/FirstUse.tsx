import { useState } from "react";
import { api, type Fault } from "../api/client";
import { FaultNote } from "../loading";
import { Button } from "../parts";
import { go, hashOf } from "../shell/routes";

/** A machine without anything: try it with devices that are thrown away, or begin in earnest. */
export function FirstUse() {
  const [isBusy, setBusy] = useState(false);
  const [fault, setFault] = useState<Fault | null>(null);
  const tryIt = async () => {
    setBusy(true);
    setFault(null);
    const answer = await api.post<{ id: string }>("/api/runs/demo");
    setBusy(false);
    if (answer.ok) go("run", answer.value.id);
    else setFault(answer.fault);
  };
  return (
    <section className="first-use">
      <header className="stack">
        <h1>Nothing was backed up yet</h1>
        <p className="soft">
          Data is read once and passes along a chain of devices; each of them holds a full copy.
        </p>
      </header>
      {fault && <FaultNote fault={fault} />}
      <div className="ways">
        <div className="panel stack">
          <h2>Try it</h2>
          <p className="soft">
            A chain of temporary devices with some data is made and run, so that you see how it
            works. Nothing of yours is read.
          </p>
          <Button kind="primary" disabled={isBusy} onClick={tryIt}>
            {isBusy ? "Starting…" : "Run a demonstration"}
          </Button>
        </div>
        <div className="panel stack">
          <h2>Back up your own</h2>
          <p className="soft">
            Draw what is to be read, and on which devices it is to go, or begin with a template.
          </p>
          <a className="button" href={hashOf("design")}>
            Draw a chain
          </a>
        </div>
        <div className="panel stack">
          <h2>Bring back a catalog</h2>
          <p className="soft">
            Media of before tell all that is on them: <code>flowbackup rebuild DIR</code> makes the
            catalog anew.
          </p>
        </div>
      </div>
    </section>
  );
}
