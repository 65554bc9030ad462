import { useState } from "react";
import { api, type Fault } from "../api/client";
import { FaultNote } from "../loading";
import { Button, CheckField, ChoiceField, Dialog } from "../parts";
import { go } from "../shell/routes";
import { visible } from "../text/visible";
import type { Care, MediumRow } from "./medium";

interface CareDialogProps {
  what: Care;
  rows: readonly MediumRow[];
  onClose: () => void;
}

const TITLES = { verify: "Verify media", repair: "Repair copies" };
const SAID = {
  verify: "Media are read past the page cache, and every digest is checked. Nothing is changed.",
  repair:
    "Frames that a copy lacks, or that were found damaged on it, come from the other copies. Each is read once and checked.",
};
const SAMPLES = [
  { value: "", label: "all of it" },
  { value: "1/30", label: "a thirtieth, what waits longest" },
  { value: "1/7", label: "a seventh, what waits longest" },
];

/** What a verify or repair does, before it does it. */
export function CareDialog({ what, rows, onClose }: CareDialogProps) {
  const [sample, setSample] = useState("");
  const [full, setFull] = useState(false);
  const [dryRun, setDryRun] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [fault, setFault] = useState<Fault | null>(null);
  const start = async () => {
    setBusy(true);
    setFault(null);
    const devices = [...new Set(rows.map((row) => row.device))];
    const body = what === "verify" ? { devices, sample } : { devices, full, dry_run: dryRun };
    const answer = await api.post<{ id: string }>(`/api/${what}`, body);
    setBusy(false);
    if (answer.ok) go("run", answer.value.id);
    else setFault(answer.fault);
  };
  return (
    <Dialog
      title={TITLES[what]}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Not now</Button>
          <Button kind="primary" disabled={isBusy} onClick={start}>
            {isBusy ? "Starting…" : what === "verify" ? "Verify" : "Repair"}
          </Button>
        </>
      }
    >
      <p>{SAID[what]}</p>
      <p className="soft">
        {rows.length
          ? rows.map((row) => visible(row.device)).join(", ")
          : "All media that the catalog knows."}
      </p>
      {what === "verify" && (
        <ChoiceField
          label="How much of each"
          value={sample}
          onChange={(event) => setSample(event.target.value)}
          choices={SAMPLES}
        />
      )}
      {what === "repair" && (
        <>
          <CheckField
            label="Only say what would move"
            checked={dryRun}
            onChange={(event) => setDryRun(event.target.checked)}
          />
          <CheckField
            label="Put everything on it, also what was never meant for it"
            checked={full}
            disabled={rows.length === 0}
            onChange={(event) => setFull(event.target.checked)}
          />
        </>
      )}
      {fault && <FaultNote fault={fault} />}
    </Dialog>
  );
}
