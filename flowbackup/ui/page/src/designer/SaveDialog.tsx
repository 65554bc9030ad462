import { useEffect, useState } from "react";
import { type Fault, saidOf } from "../api/client";
import { type DiffLine, designing, type GraphText } from "../api/designing";
import { Button, Dialog, TextField } from "../parts";
import { Difference } from "./Difference";
import type { Draft } from "./draft/draft";
import { useDraft } from "./draft/drafts";
import "./dialogs.css";

interface SaveDialogProps {
  draft: Draft;
  onClose: () => void;
  onSaved: (file: GraphText) => void;
}

/** Shows what would change in the file; and where somebody else has changed it meanwhile, what that
 * was, and lets the user choose. */
export function SaveDialog({ draft, onClose, onSaved }: SaveDialogProps) {
  const { path, version, savedText } = useDraft(draft);
  const [name, setName] = useState(`${draft.now.spec.graph}.yaml`);
  const [other, setOther] = useState<GraphText | null>(null);
  const [lines, setLines] = useState<DiffLine[] | null>(null);
  const [fault, setFault] = useState<Fault | null>(null);
  const [isBusy, setBusy] = useState(false);

  useEffect(() => {
    let isGone = false;
    void (async () => {
      await draft.settled();
      const answer = await designing.diff(other ? other.text : savedText, draft.now.text);
      if (isGone) return;
      if (answer.ok) setLines(answer.value);
      else setFault(answer.fault);
    })();
    return () => {
      isGone = true;
    };
  }, [draft, other, savedText]);

  const save = async () => {
    setBusy(true);
    const { text, positions } = draft.now;
    const before = other ? other.version : version;
    const answer = path
      ? await designing.save(path, text, before, positions)
      : await designing.create(name, text, positions);
    setBusy(false);
    if (answer.ok) return onSaved(answer.value);
    if (answer.fault.status !== 409 || !path) return setFault(answer.fault);
    const theirs = await designing.load(path);
    if (theirs.ok) setOther(theirs.value);
    else setFault(theirs.fault);
  };

  const take = () => {
    if (other) draft.replace(other);
    onClose();
  };

  const isSame = lines?.every((line) => line.kind === "same") ?? false;
  return (
    <Dialog
      title={path ? "Save the graph" : "Save as a new file"}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Back</Button>
          {other && <Button onClick={take}>Take the file's text</Button>}
          <Button
            kind="primary"
            busy={isBusy}
            disabled={!lines || !name}
            onClick={() => void save()}
          >
            {other ? "Save mine over it" : "Save"}
          </Button>
        </>
      }
    >
      {fault && (
        <p className="note" data-tone="bad" role="alert">
          {saidOf(fault)}
        </p>
      )}
      {other && (
        <p className="note" data-tone="warn" role="alert">
          The file was changed by somebody else since it was opened here. Below is what yours would
          change in it now.
        </p>
      )}
      {path ? (
        <p className="soft mono">{path}</p>
      ) : (
        <TextField
          label="File"
          value={name}
          hint="Below the first folder that the page may use, or absolute."
          spellCheck={false}
          onChange={(event) => setName(event.target.value)}
        />
      )}
      {isSame ? (
        <p className="soft">The text is the same; places of boxes are saved beside it.</p>
      ) : (
        lines && <Difference lines={lines} />
      )}
    </Dialog>
  );
}
