import type { Keys } from "../../model/spec";
import { useAround } from "./context";

/** The name of something on the canvas, which shows it in the form. */
export function NameButton({ kind, keys, name }: { kind: string; keys: Keys; name: string }) {
  const around = useAround();
  return (
    <button
      type="button"
      className={`${kind} nopan`}
      onClick={(event) => {
        event.stopPropagation();
        around.choose(keys);
      }}
    >
      {name}
    </button>
  );
}
