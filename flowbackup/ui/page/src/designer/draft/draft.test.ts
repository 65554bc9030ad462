import { beforeEach, expect, test, vi } from "vitest";
import type { Design, GraphText } from "../../api/designing";
import { designing } from "../../api/designing";
import type { Spec } from "../../model/spec";
import { Draft } from "./draft";

vi.mock("../../api/designing", () => ({ designing: { check: vi.fn(), edit: vi.fn() } }));

const FILE: GraphText = {
  name: "g",
  path: "/g.yaml",
  text: "graph: g",
  version: "1",
  positions: {},
};
const check = vi.mocked(designing.check);
const edit = vi.mocked(designing.edit);

const design = (text: string, spec: Spec | null, errors = 0): Design => ({
  text,
  spec: spec as Design["spec"],
  findings: Array.from({ length: errors }, () => ({
    severity: "error" as const,
    place: "1:1",
    line: 1,
    column: 1,
    keys: [],
    rule: "r",
    reason: "it is wrong",
    remedy: "",
  })),
  picture: null,
  memory: [],
  bottleneck: "",
  rate: null,
});
const yes = (value: Design) => ({ ok: true as const, value });
const no = (status: number) => ({
  ok: false as const,
  fault: { kind: "graph", status, message: "no" },
});

beforeEach(() => {
  check.mockReset().mockImplementation(async (text) => yes(design(text, { graph: text.slice(7) })));
  edit.mockReset().mockImplementation(async (_, spec) => yes(design(`graph: ${spec.graph}`, spec)));
});

test("an edit of the canvas is written into the text, and is one step", async () => {
  const draft = new Draft(FILE);
  await draft.settled();
  draft.editSpec({ graph: "h" });
  expect(draft.now).toMatchObject({ text: "graph: g", isBehind: true });
  await draft.settled();
  expect(draft.now).toMatchObject({ text: "graph: h", isBehind: false });
  expect(edit).toHaveBeenCalledWith("graph: g", { graph: "h" }, "/g.yaml");
  draft.undo();
  expect(draft.now.text).toBe("graph: g");
  draft.redo();
  await draft.settled();
  expect(draft.now.text).toBe("graph: h");
});

test("what is changed while the server writes is written next, on what it wrote", async () => {
  const draft = new Draft(FILE);
  await draft.settled();
  edit.mockImplementationOnce(async (_, spec) => {
    draft.editSpec({ graph: "later" });
    return yes(design(`graph: ${spec.graph}`, spec));
  });
  draft.editSpec({ graph: "first" });
  await draft.settled();
  expect(edit.mock.calls.map(([text]) => text)).toEqual(["graph: g", "graph: first"]);
  expect(draft.now.text).toBe("graph: later");
});

test("an answer about a text that was typed over meanwhile changes nothing", async () => {
  const draft = new Draft(FILE);
  await draft.settled();
  check.mockImplementationOnce(async (text) => {
    draft.editText("graph: typed");
    return yes(design(text, { graph: "old" }));
  });
  draft.editText("graph: t");
  await draft.settled();
  expect(draft.now).toMatchObject({ text: "graph: typed", spec: { graph: "typed" } });
});

test("an edit that the server refuses is taken back, and said", async () => {
  const draft = new Draft(FILE);
  await draft.settled();
  edit.mockResolvedValueOnce(no(422));
  draft.editSpec({ graph: "h" });
  await draft.settled();
  expect(draft.now).toMatchObject({ text: "graph: g", spec: { graph: "g" }, isBehind: false });
  expect(draft.state.fault?.message).toBe("no");
  expect(draft.state.history.future).toEqual([]);
});

test("a server that is away loses nothing", async () => {
  const draft = new Draft(FILE);
  await draft.settled();
  edit.mockResolvedValueOnce(no(0));
  draft.editSpec({ graph: "h" });
  await draft.settled();
  expect(draft.now.spec).toEqual({ graph: "h" });
  draft.editSpec({ graph: "i" });
  await draft.settled();
  expect(draft.now.text).toBe("graph: i");
});

test("a text with faults keeps the picture, an edit with faults what the user wrote", async () => {
  const draft = new Draft(FILE);
  await draft.settled();
  check.mockResolvedValueOnce(yes(design("graph: [", null, 1)));
  draft.editText("graph: [");
  await draft.settled();
  expect(draft.now.spec).toEqual({ graph: "g" });
  const wrong = { graph: "h", copies: 0 };
  edit.mockImplementationOnce(async () => yes(design("graph: h\ncopies: 0", { graph: "h" }, 1)));
  draft.editSpec(wrong);
  await draft.settled();
  expect(draft.now).toMatchObject({ spec: wrong, text: "graph: h\ncopies: 0" });
});

test("it is dirty until it is saved, and places of boxes count", async () => {
  const draft = new Draft(FILE);
  await draft.settled();
  draft.place({ "group/a": { x: 1, y: 1 } });
  expect(draft.isDirty).toBe(false);
  draft.move({ "group/a": { x: 2, y: 1 } });
  expect(draft.isDirty).toBe(true);
  draft.saved({ ...FILE, version: "2" });
  expect(draft.isDirty).toBe(false);
  draft.editText("graph: other");
  expect(draft.isDirty).toBe(true);
});
