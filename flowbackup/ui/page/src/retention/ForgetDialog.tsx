import { useState } from "react";
import { api, type Fault } from "../api/client";
import { FaultNote } from "../loading";
import { Button, Dialog } from "../parts";
import { faultOfRun } from "../run/ending";
import { counted } from "../text/size";

interface ForgetDialogProps {
  asked: { objects: string[]; keep: unknown };
  going: string[];
  onClose: () => void;
  onForgotten: (count: number) => void;
}

/** There is no way back: it is asked once more, and only what was shown is done. */
export function ForgetDialog({ asked, going, onClose, onForgotten }: ForgetDialogProps) {
  const [isBusy, setBusy] = useState(false);
  const [fault, setFault] = useState<Fault | null>(null);
  const forget = async () => {
    setBusy(true);
    setFault(null);
    const answer = await api.post<{ id: string }>("/api/forget", { ...asked, expected: going });
    const fault = answer.ok ? await faultOfRun(answer.value.id) : answer.fault;
    setBusy(false);
    if (fault) setFault(fault);
    else onForgotten(going.length);
  };
  return (
    <Dialog
      title={`Forget ${counted(going.length, "version")}?`}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Keep them</Button>
          <Button kind="danger" disabled={isBusy} onClick={forget}>
            {isBusy ? "Forgetting…" : "Forget them"}
          </Button>
        </>
      }
    >
      <p>
        These versions cannot be restored any more, and there is no way back. What they need on
        media stays until it is pruned.
      </p>
      <p className="soft">
        If other versions would go by now than those that were shown, nothing is done at all.
      </p>
      {fault && <FaultNote fault={fault} />}
    </Dialog>
  );
}
