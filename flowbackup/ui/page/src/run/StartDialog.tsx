import { useState } from "react";
import { api, type Fault } from "../api/client";
import type { GraphRow } from "../api/designing";
import { FaultNote, Loading, useAllRows } from "../loading";
import { Button, CheckField, ChoiceField, Dialog } from "../parts";
import { go, hashOf } from "../shell/routes";
import { visible } from "../text/visible";

interface StartDialogProps {
  /** The graph that is offered first, by its path. */
  wanted?: string;
  onClose: () => void;
}

/** Runs a graph file, and goes to its run. */
export function StartDialog({ wanted = "", onClose }: StartDialogProps) {
  const graphs = useAllRows<GraphRow>("/api/graphs");
  const [chosen, setChosen] = useState(wanted);
  const [init, setInit] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [fault, setFault] = useState<Fault | null>(null);
  const { rows } = graphs;
  const path = chosen || rows[0]?.path || "";
  const start = async () => {
    setBusy(true);
    setFault(null);
    const answer = await api.post<{ id: string }>("/api/runs", { path, init });
    setBusy(false);
    if (answer.ok) go("run", answer.value.id);
    else setFault(answer.fault);
  };
  return (
    <Dialog
      title="Run a graph"
      onClose={onClose}
      actions={
        <Button kind="primary" disabled={!path || isBusy} onClick={start}>
          {isBusy ? "Starting…" : "Run"}
        </Button>
      }
    >
      {graphs.fault && <FaultNote fault={graphs.fault} again={graphs.again} />}
      {graphs.isLoading && rows.length === 0 && <Loading />}
      {!graphs.isLoading && !graphs.fault && rows.length === 0 && (
        <p>
          There is no graph yet. <a href={hashOf("design")}>Draw one first.</a>
        </p>
      )}
      {rows.length > 0 && (
        <>
          <ChoiceField
            label="Graph"
            value={path}
            onChange={(event) => setChosen(event.target.value)}
            choices={rows.map((row) => ({ value: row.path, label: visible(row.path) }))}
          />
          <CheckField
            label="Make media of device directories that are empty"
            checked={init}
            onChange={(event) => setInit(event.target.checked)}
          />
        </>
      )}
      {fault && <FaultNote fault={fault} />}
    </Dialog>
  );
}
