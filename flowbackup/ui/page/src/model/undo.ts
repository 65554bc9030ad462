// A line of states with a place in it.

export interface History<State> {
  past: readonly State[];
  present: State;
  future: readonly State[];
  /** What the last step was; steps of one kind in a row are undone as one, "" never. */
  kind: string;
}

// As far back as somebody remembers; states share all that they have in common.
const STEPS_MAX = 300;

export function historyOf<State>(present: State): History<State> {
  return { past: [], present, future: [], kind: "" };
}

/** A step on; what had been undone is gone. */
export function step<State>(history: History<State>, state: State, kind = ""): History<State> {
  const joins = kind !== "" && kind === history.kind && history.future.length === 0;
  const past = joins ? history.past : [...history.past, history.present].slice(-STEPS_MAX);
  return { past, present: state, future: [], kind };
}

/** The same step, said otherwise: as when the server has written the text of an edit. */
export function amend<State>(history: History<State>, state: State): History<State> {
  return { ...history, present: state };
}

export function undo<State>(history: History<State>): History<State> {
  const before = history.past.at(-1);
  if (before === undefined) return history;
  return {
    past: history.past.slice(0, -1),
    present: before,
    future: [history.present, ...history.future],
    kind: "",
  };
}

export function redo<State>(history: History<State>): History<State> {
  const [after, ...future] = history.future;
  if (after === undefined) return history;
  return { past: [...history.past, history.present], present: after, future, kind: "" };
}
