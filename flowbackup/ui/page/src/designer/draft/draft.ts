// A graph under construction: one text, the spec that it says, and where its boxes stand.  Canvas,
// form and text pane show and change it; the server keeps the text and the spec in step.
import type { Fault } from "../../api/client";
import { type Design, designing, type GraphText } from "../../api/designing";
import type { Positions } from "../../model/layout";
import type { Spec } from "../../model/spec";
import { amend, type History, historyOf, redo, step, undo } from "../../model/undo";

/** isBehind: the text does not say yet what the spec says; the server is asked to write it. */
export interface Moment {
  text: string;
  spec: Spec;
  positions: Positions;
  isBehind: boolean;
}

/** path: of the file, "" for a draft that was never saved.  version: of the file when it was loaded.
 * design: what the server last said; isCurrent: that it is about this text. */
export interface DraftState {
  path: string;
  version: string;
  savedText: string;
  savedPositions: Positions;
  history: History<Moment>;
  design: Design | null;
  isCurrent: boolean;
  fault: Fault | null;
}

// Between two keys of somebody who types fast.
const TYPING_MILLISECONDS = 220;

export class Draft {
  private listeners = new Set<() => void>();
  private isAsking = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  state: DraftState;

  constructor(file: GraphText, name = file.name) {
    const first = { text: file.text, spec: { graph: name }, positions: file.positions };
    this.state = {
      path: file.path,
      version: file.version,
      savedText: file.path ? file.text : "",
      savedPositions: file.positions,
      history: historyOf({ ...first, isBehind: false }),
      design: null,
      isCurrent: false,
      fault: null,
    };
    void this.settle();
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  get now(): Moment {
    return this.state.history.present;
  }

  get isDirty(): boolean {
    const { savedText, savedPositions, path } = this.state;
    if (!path) return true;
    return (
      this.now.isBehind || this.now.text !== savedText || this.now.positions !== savedPositions
    );
  }

  /** What a canvas, a form or a table changed. */
  editSpec = (spec: Spec, positions: Positions = this.now.positions): void => {
    if (spec === this.now.spec && positions === this.now.positions) return;
    this.go(step(this.state.history, { ...this.now, spec, positions, isBehind: true }));
  };

  /** What was typed into the text. */
  editText = (text: string): void => {
    if (text === this.now.text) return;
    const moment = { ...this.now, text, isBehind: false };
    this.go(step(this.state.history, moment, "text"), TYPING_MILLISECONDS);
  };

  /** Moving a box changes no text. */
  move = (positions: Positions): void => {
    this.set({ history: step(this.state.history, { ...this.now, positions }) });
  };

  /** Boxes that got their first place: no step of its own. */
  place = (positions: Positions): void => {
    const isSaved = this.now.positions === this.state.savedPositions;
    this.set({
      history: amend(this.state.history, { ...this.now, positions }),
      ...(isSaved ? { savedPositions: positions } : {}),
    });
  };

  undo = (): void => this.go(undo(this.state.history));
  redo = (): void => this.go(redo(this.state.history));

  /** The file has this state now. */
  saved = (file: GraphText): void => {
    const { path, version, text } = file;
    this.set({ path, version, savedText: text, savedPositions: this.now.positions });
  };

  /** Somebody else's text takes the place of this one; that can be undone. */
  replace = (file: GraphText): void => {
    const moment = { ...this.now, text: file.text, isBehind: false };
    this.set({ version: file.version, savedText: file.text });
    this.go(step(this.state.history, moment));
  };

  /** Resolves when the text says what the spec says, and the server has looked at it. */
  settled = async (): Promise<void> => {
    clearTimeout(this.timer);
    await this.settle();
    while (this.isAsking) await new Promise((resolve) => setTimeout(resolve, 20));
  };

  private go(history: History<Moment>, delay = 0): void {
    if (history === this.state.history) return;
    this.set({ history, isCurrent: false, fault: null });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.settle(), delay);
  }

  /** Asks the server until what it said is about what is there now. */
  private async settle(): Promise<void> {
    if (this.isAsking) return;
    this.isAsking = true;
    try {
      while (!this.state.isCurrent) if (!(await this.ask())) return;
    } finally {
      this.isAsking = false;
    }
  }

  private async ask(): Promise<boolean> {
    const asked = this.now;
    const { path } = this.state;
    const answer = asked.isBehind
      ? await designing.edit(asked.text, asked.spec, path)
      : await designing.check(asked.text, path);
    if (!answer.ok) return this.refuse(asked, answer.fault);
    this.take(asked, answer.value);
    return true;
  }

  private refuse(asked: Moment, fault: Fault): boolean {
    // An edit that cannot be written is taken back; a server that is away is asked again later.
    const isRefused = asked.isBehind && fault.status >= 400 && fault.status < 500;
    if (isRefused && asked === this.now && this.state.history.past.length) {
      const back = undo(this.state.history);
      this.set({ fault, history: { ...back, future: back.future.slice(1) } });
      return true;
    }
    this.set({ fault });
    return asked !== this.now;
  }

  private take(asked: Moment, design: Design): void {
    const { now } = this;
    // That the server was away is past; why it refused an edit is still to be read.
    const fault = this.state.fault?.status === 0 ? null : this.state.fault;
    const hasErrors = design.findings.some((finding) => finding.severity === "error");
    const isSame = asked.text === now.text && asked.spec === now.spec;
    if (isSame) {
      // What could not be read would be missing in the server's spec: the user's stays.
      const spec = design.spec && !(asked.isBehind && hasErrors) ? design.spec : asked.spec;
      const kept = JSON.stringify(spec) === JSON.stringify(asked.spec) ? asked.spec : spec;
      const moment = { ...now, text: design.text, spec: kept, isBehind: false };
      this.set({
        history: amend(this.state.history, moment),
        design,
        isCurrent: true,
        fault,
      });
    } else if (asked.isBehind && now.isBehind && now.text === asked.text) {
      // More was changed meanwhile: the next question begins with what is written now.
      this.set({ history: amend(this.state.history, { ...now, text: design.text }), design });
    } else {
      this.set({ design });
    }
  }

  private set(change: Partial<DraftState>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }
}
