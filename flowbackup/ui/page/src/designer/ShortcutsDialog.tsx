import { Dialog } from "../parts";
import { SHORTCUTS } from "./shortcuts";
import "./dialogs.css";

export function ShortcutsDialog({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <p className="soft">
        Everything can be done in the table by keyboard alone. Single letters count where nothing is
        being written; Escape takes back what is being written.
      </p>
      <dl className="shortcuts">
        {SHORTCUTS.map(({ keys, does }) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
