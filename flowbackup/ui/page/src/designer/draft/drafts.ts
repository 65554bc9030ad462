// Drafts live as long as the tab, so that a look at another screen loses nothing.
import { useSyncExternalStore } from "react";
import type { Fault } from "../../api/client";
import { designing, type GraphText } from "../../api/designing";
import { Draft, type DraftState } from "./draft";

const open = new Map<string, Draft>();

/** The draft of a file, loaded when it is first opened. */
export async function openDraft(path: string): Promise<Draft | Fault> {
  const known = open.get(path);
  if (known) return known;
  const answer = await designing.load(path);
  if (!answer.ok) return answer.fault;
  return keep(path, new Draft(answer.value));
}

/** A draft without a file: key tells it from others. */
export function newDraft(key: string, name: string, text: string): Draft {
  const file: GraphText = { name, path: "", text, version: "", positions: {} };
  return open.get(key) ?? keep(key, new Draft(file));
}

/** The draft that was new is that of a file now. */
export function rekey(draft: Draft): void {
  for (const [key, one] of open) if (one === draft) open.delete(key);
  open.set(draft.state.path, draft);
}

export function forget(draft: Draft): void {
  for (const [key, one] of open) if (one === draft) open.delete(key);
}

function keep(key: string, draft: Draft): Draft {
  open.set(key, draft);
  return draft;
}

export function useDraft(draft: Draft): DraftState {
  return useSyncExternalStore(draft.subscribe, () => draft.state);
}

addEventListener("beforeunload", (event) => {
  const isTouched = (draft: Draft) => draft.isDirty && draft.state.history.past.length > 0;
  if ([...open.values()].some(isTouched)) event.preventDefault();
});
