import { useState } from "react";
import type { Spec } from "../model/spec";
import { Button } from "../parts";
import { AttachDialog, CancelDialog, DetachDialog, PaceDialog } from "./changes";
import type { Change, RunState } from "./state";

const TITLES: Record<Change, string> = {
  pace: "Bandwidth",
  attach: "Attach a mirror",
  detach: "Detach a mirror",
  cancel: "Cancel",
};
const ORDER: Change[] = ["pace", "attach", "detach", "cancel"];

/** What this run can be told while it runs. */
export function RunControls({ run, spec }: { run: RunState; spec: Spec | null }) {
  const [open, setOpen] = useState<Change | null>(null);
  const close = () => setOpen(null);
  return (
    <fieldset className="row bare" aria-label="Change this run">
      {ORDER.filter((change) => run.can.includes(change)).map((change) => (
        <Button
          key={change}
          kind={change === "cancel" ? "danger" : "plain"}
          onClick={() => setOpen(change)}
        >
          {TITLES[change]}
        </Button>
      ))}
      {open === "cancel" && <CancelDialog run={run} onClose={close} />}
      {open === "pace" && <PaceDialog run={run} onClose={close} />}
      {open === "attach" && <AttachDialog run={run} spec={spec} onClose={close} />}
      {open === "detach" && <DetachDialog run={run} spec={spec} onClose={close} />}
    </fieldset>
  );
}
