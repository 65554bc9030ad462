// Keys of the designer. Single letters count only where nothing is being written.

export interface Shortcut {
  keys: string;
  does: string;
  action: Action;
}

export type Action =
  | "add-client" | "add-object" | "add-device" | "add-backup" | "add-mirror" | "add-restore"
  | "add-copy" | "couple" | "delete" | "undo" | "redo" | "save" | "arrange"
  | "canvas" | "table" | "form" | "text" | "help"; // biome-ignore format: one thought

export const SHORTCUTS: readonly Shortcut[] = [
  { keys: "c", does: "Add a client", action: "add-client" },
  { keys: "o", does: "Add a data object", action: "add-object" },
  { keys: "d", does: "Add a device", action: "add-device" },
  { keys: "b", does: "Add a backup group", action: "add-backup" },
  { keys: "m", does: "Add a mirror group", action: "add-mirror" },
  { keys: "r", does: "Add a restore group", action: "add-restore" },
  { keys: "y", does: "Add a copy group", action: "add-copy" },
  { keys: "k", does: "Write a coupling, in the table", action: "couple" },
  { keys: "Delete", does: "Delete what is chosen", action: "delete" },
  { keys: "Ctrl+Z", does: "Undo", action: "undo" },
  { keys: "Ctrl+Shift+Z", does: "Do again", action: "redo" },
  { keys: "Ctrl+S", does: "Save", action: "save" },
  { keys: "a", does: "Arrange the boxes", action: "arrange" },
  { keys: "g", does: "Show the canvas", action: "canvas" },
  { keys: "t", does: "Show the table", action: "table" },
  { keys: "f", does: "Show the form", action: "form" },
  { keys: "x", does: "Show the text", action: "text" },
  { keys: "?", does: "Show these keys", action: "help" },
];

/** What a key asks for; null for nothing of ours. */
export function actionOf(event: KeyboardEvent): Action | null {
  const isOurs = event.ctrlKey || event.metaKey;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (isOurs && !event.altKey) {
    if (key === "z") return event.shiftKey ? "redo" : "undo";
    if (key === "y") return "redo";
    return key === "s" ? "save" : null;
  }
  if (event.altKey || isWriting(event.target)) return null;
  if (key === "Backspace") return "delete";
  return SHORTCUTS.find((one) => one.keys === event.key || one.keys === key)?.action ?? null;
}

function isWriting(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement && target.type === "checkbox") return false;
  return /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.isContentEditable;
}
