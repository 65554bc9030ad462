import { useCallback, useEffect, useLayoutEffect, useState } from "react";
import { saidOf } from "../api/client";
import type { Finding, GraphText } from "../api/designing";
import { chartOf } from "../model/chart";
import {
  addAgent,
  addClient,
  addDevice,
  addGroup,
  addObject,
  type Made,
  remove,
} from "../model/edits";
import { partOf } from "../model/fields";
import { arranged, type Point } from "../model/layout";
import type { Keys } from "../model/spec";
import { Button, Tabs, useSay } from "../parts";
import { StartDialog } from "../run/StartDialog";
import { go } from "../shell/routes";
import { Canvas, type PartWord } from "./canvas/Canvas";
import type { Draft } from "./draft/draft";
import { rekey, useDraft } from "./draft/drafts";
import { Foresight } from "./Foresight";
import { Inspector } from "./form/Inspector";
import { Problems } from "./Problems";
import { SaveDialog } from "./SaveDialog";
import { ShortcutsDialog } from "./ShortcutsDialog";
import { type Action, actionOf } from "./shortcuts";
import { Toolbar } from "./Toolbar";
import { TableEditor } from "./table/TableEditor";
import { TextPane } from "./text/TextPane";
import { legalTargets, tryCoupling } from "./trying";
import { useNarrow } from "./useNarrow";
import { useWorking } from "./useWorking";

type Main = "canvas" | "table";
type Side = "form" | "text";

const MAIN_TABS = [
  { name: "canvas", title: "Canvas" },
  { name: "table", title: "Table" },
] as const;
const SIDE_TABS = [
  { name: "form", title: "Form" },
  { name: "text", title: "Text" },
] as const;

/** Canvas, table, form and text of one graph. */
export function Editor({ draft }: { draft: Draft }) {
  const state = useDraft(draft);
  const { spec, text, isBehind } = state.history.present;
  const findings = state.design?.findings ?? [];
  const hasErrors = findings.some((one) => one.severity === "error");
  const say = useSay();
  const isNarrow = useNarrow();
  const { isWorking, during } = useWorking();
  const [chosen, setChosen] = useState<Keys>([]);
  const [main, setMain] = useState<Main>("canvas");
  const [side, setSide] = useState<Side>("form");
  const [pane, setPane] = useState<Main | Side>("canvas");
  const [line, setLine] = useState({ number: 1, column: 1, turn: 0 });
  const [dialog, setDialog] = useState<"save" | "run" | "help" | null>(null);

  const show = useCallback((name: Main | Side) => {
    if (name === "canvas" || name === "table") setMain(name);
    else setSide(name);
    setPane(name);
  }, []);

  const choose = useCallback((keys: Keys) => {
    setChosen(keys);
    if (keys.length) setSide((now) => (now === "text" ? now : "form"));
  }, []);

  const made = useCallback(
    ({ spec: next, keys }: Made, at?: Point) => {
      const id = keys[0] === "clients" ? `client/${keys[1]}` : `group/${keys[1]}`;
      draft.editSpec(next, at ? { ...draft.now.positions, [id]: at } : draft.now.positions);
      setChosen(keys);
    },
    [draft],
  );

  const add = useCallback(
    (part: PartWord, at?: Point) =>
      made(part === "client" ? addClient(draft.now.spec) : addGroup(draft.now.spec, part), at),
    [draft, made],
  );

  const addDeviceTo = useCallback(
    (group: string) => draft.editSpec(addAgent(draft.now.spec, group).spec),
    [draft],
  );

  const arrange = useCallback(async () => {
    const chart = chartOf(draft.now.spec);
    try {
      const engine = await import("../model/arrange");
      draft.move(await engine.arrange(chart));
    } catch {
      draft.move(arranged(chart));
    }
  }, [draft]);

  const act = useCallback(
    (action: Action) => {
      const { spec: now } = draft.now;
      const part = partOf(now, chosen);
      const client =
        part.keys[0] === "clients" ? part.keys[1] : Object.keys(now.clients ?? {}).at(-1);
      const actions: Record<Action, () => void> = {
        "add-client": () => add("client"),
        "add-object": () => client !== undefined && made(addObject(now, String(client))),
        "add-device": () => made(addDevice(now)),
        "add-backup": () => add("backup"),
        "add-mirror": () => add("mirror"),
        "add-restore": () => add("restore"),
        "add-copy": () => add("copy"),
        couple: () => {
          show("table");
          focusSoon("[aria-label='New coupling']");
        },
        delete: () => {
          if (part.kind !== "graph") draft.editSpec(remove(now, part.keys));
          setChosen([]);
        },
        undo: draft.undo,
        redo: draft.redo,
        save: () => setDialog("save"),
        arrange: () => void during(arrange()),
        canvas: () => show("canvas"),
        table: () => {
          show("table");
          focusSoon(".table-editor button");
        },
        form: () => {
          show("form");
          focusSoon(".inspector input");
        },
        text: () => {
          show("text");
          focusSoon(".text-pane textarea");
        },
        help: () => setDialog("help"),
      };
      actions[action]();
    },
    [add, arrange, chosen, draft, during, made, show],
  );

  // What is shown is what a key means, from its first moment.
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (document.querySelector("dialog[open]")) return;
      const action = actionOf(event);
      if (!action) return;
      event.preventDefault();
      act(action);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [act]);

  useEffect(() => {
    if (state.fault) say(saidOf(state.fault), "bad");
  }, [state.fault, say]);

  const goTo = (finding: Finding) => {
    setChosen(finding.keys);
    setLine((now) => ({ number: finding.line, column: finding.column, turn: now.turn + 1 }));
    if (isNarrow) show("text");
    else setSide("text");
  };

  const saved = (file: GraphText) => {
    draft.saved(file);
    rekey(draft);
    setDialog(null);
    say(`Saved ${file.path}.`, "good");
    go("design", file.path);
  };

  const canvas = (
    <Canvas
      draft={draft}
      chosen={chosen}
      onChoose={choose}
      onAddAgent={addDeviceTo}
      onAdd={add}
      onCouple={(source, target) => during(tryCoupling(draft, source, target))}
      onLegal={(source) => legalTargets(draft, source)}
    />
  );
  const table = (
    <TableEditor
      spec={spec}
      chosen={chosen}
      onChoose={setChosen}
      onMore={(keys) => {
        setChosen(keys);
        show("form");
        focusSoon(".inspector input");
      }}
      onEdit={draft.editSpec}
      onCouple={({ source, target }) =>
        during(tryCoupling(draft, { kind: "agent", end: source }, target))
      }
    />
  );
  const form = (
    <Inspector
      spec={spec}
      chosen={chosen}
      findings={findings}
      onChoose={setChosen}
      onEdit={draft.editSpec}
    />
  );
  const textPane = (
    <TextPane
      text={text}
      isReadOnly={isBehind}
      findings={findings}
      line={line}
      onEdit={draft.editText}
    />
  );
  const panes = { canvas, table, form, text: textPane };
  return (
    <div className="designer" data-busy={isWorking || !state.isCurrent || undefined}>
      <Toolbar
        title={spec.graph}
        isDirty={draft.isDirty}
        canUndo={state.history.past.length > 0}
        canRedo={state.history.future.length > 0}
        onAction={act}
      >
        <Button
          disabled={!state.path}
          kind="quiet"
          title="Rates, time and memory before it runs"
          onClick={() => go("plan", state.path)}
        >
          Plan
        </Button>
        <Button
          disabled={!state.path || draft.isDirty || hasErrors || !state.isCurrent}
          title={state.path ? "Run what is saved" : "Save it first"}
          onClick={() => setDialog("run")}
        >
          Run
        </Button>
        <Button kind="primary" onClick={() => setDialog("save")}>
          Save
        </Button>
      </Toolbar>
      {isNarrow ? (
        <div className="designer-pane">
          <Tabs
            label="Views of the graph"
            tabs={[...MAIN_TABS, ...SIDE_TABS]}
            chosen={pane}
            onChoose={show}
            panels="view"
          />
          <div
            id={`view-${pane}`}
            role="tabpanel"
            aria-labelledby={`view-${pane}-tab`}
            className="pane-body"
          >
            {panes[pane]}
          </div>
        </div>
      ) : (
        <div className="designer-panes" data-side={side}>
          <div className="designer-pane">
            <Tabs
              label="Draw or write"
              tabs={MAIN_TABS}
              chosen={main}
              onChoose={show}
              panels="main"
            />
            <div
              id={`main-${main}`}
              role="tabpanel"
              aria-labelledby={`main-${main}-tab`}
              className="pane-body"
            >
              {panes[main]}
            </div>
          </div>
          <aside className="designer-pane side" aria-label="Form and text">
            <Tabs
              label="Form or text"
              tabs={SIDE_TABS}
              chosen={side}
              onChoose={show}
              panels="side"
            />
            <div
              id={`side-${side}`}
              role="tabpanel"
              aria-labelledby={`side-${side}-tab`}
              className="pane-body"
            >
              {panes[side]}
            </div>
          </aside>
        </div>
      )}
      <footer className="designer-foot">
        <Problems findings={findings} isCurrent={state.isCurrent} onGo={goTo} />
        <Foresight design={state.design} />
      </footer>
      {dialog === "save" && (
        <SaveDialog draft={draft} onClose={() => setDialog(null)} onSaved={saved} />
      )}
      {dialog === "run" && <StartDialog wanted={state.path} onClose={() => setDialog(null)} />}
      {dialog === "help" && <ShortcutsDialog onClose={() => setDialog(null)} />}
    </div>
  );
}

/** What is asked for stands there after the next drawing. */
function focusSoon(selector: string): void {
  setTimeout(() => document.querySelector<HTMLElement>(selector)?.focus(), 30);
}
