import { describe, expect, test } from "vitest";
import { chartOf } from "./chart";
import { couple } from "./edits";
import { arranged, placed } from "./layout";
import { verdictOf, verdictOfObject } from "./legality";
import { faultOfName, freeName } from "./names";
import type { Spec } from "./spec";

const GRAPH: Spec = {
  graph: "g",
  clients: { web: { objects: { site: { path: "a" }, mail: { path: "b", buffers: "left[0:4]" } } } },
  devices: {
    left: { path: "l" },
    right: { path: "r", node: "east" },
    far: { path: "f" },
    vault: {},
  },
  backup_groups: { primary: { devices: ["left", "right"] } },
  mirror_groups: {
    offsite: { mirrors: "primary", devices: ["far", "vault"], on_failure: "optional" },
  },
  restore_groups: { readers: { devices: ["left"] } },
  copy_groups: { archive: { copies: "readers", devices: ["vault"] } },
};

describe("what is drawn", () => {
  const chart = chartOf(GRAPH);
  const lines = chart.lines.map(({ kind, source, target, label }) => [kind, source, target, label]);

  test("a box for each client and group, a line for each coupling", () => {
    expect(chart.boxes.map((box) => box.id)).toEqual([
      "client/web", "group/primary", "group/offsite", "group/readers", "group/archive",
    ]); // biome-ignore format: ids
    expect(lines).toEqual([
      ["gives", "client/web", "group/primary", ""],
      ["gives", "client/web", "agent/primary.left", "[0:4]"],
      ["feeds", "group/primary", "group/offsite", ""],
      ["feeds", "group/readers", "group/archive", ""],
      ["reads", "agent/primary.left", "agent/readers.left", "then"],
    ]);
    expect(chart.lines[2]?.optional).toBe(true);
  });

  test("each coupling of agents, as it runs", () => {
    const each = chartOf(GRAPH, { each: true }).lines.filter((line) => line.kind === "feeds");
    expect(each.map(({ source, target }) => `${source} ${target}`)).toEqual([
      "agent/primary.left agent/offsite.far",
      "agent/primary.right agent/offsite.vault",
      "agent/readers.left agent/archive.vault",
    ]);
  });

  test("500 agents stand in their frame without touching", () => {
    const devices = Array.from({ length: 500 }, (_, index) => `d${index}`);
    const box = chartOf({ graph: "g", backup_groups: { p: { devices } } }).boxes[0];
    if (box?.kind !== "group") throw new Error("no group");
    expect(new Set(box.agents.map(({ at }) => `${at.x} ${at.y}`)).size).toBe(500);
    expect(Math.max(...box.agents.map(({ at }) => at.y))).toBeLessThan(box.height);
    expect(Math.max(...box.agents.map(({ at }) => at.x))).toBeLessThan(box.width);
  });

  test("what names nothing is not drawn, and does not fail", () => {
    const odd: Spec = {
      graph: "g",
      mirror_groups: { m: { mirrors: "none", devices: ["x"] } },
      couplings: ["?", "m.y -> m"],
    };
    expect(chartOf(odd).lines).toEqual([]);
  });
});

describe("where boxes stand", () => {
  const chart = chartOf(GRAPH);
  const overlaps = (positions: Readonly<Record<string, { x: number; y: number }>>) =>
    chart.boxes.some((one) =>
      chart.boxes.some((other) => {
        const [a, b] = [positions[one.id], positions[other.id]];
        if (one === other || !a || !b) return false;
        const apart =
          a.x + one.width <= b.x || b.x + other.width <= a.x ||
          a.y + one.height <= b.y || b.y + other.height <= a.y; // biome-ignore format: sides
        return !apart;
      }),
    );

  test("from left to right, none on another", () => {
    const at = arranged(chart);
    const columns = ["client/web", "group/primary", "group/offsite"].map((id) => at[id]?.x ?? 0);
    expect(columns).toEqual([...columns].sort((a, b) => a - b));
    expect(overlaps(at)).toBe(false);
  });

  test("what stands stays, what is new finds a place", () => {
    const { "group/archive": _, "group/offsite": __, ...known } = arranged(chart);
    const at = placed(chart, known);
    expect(at).toMatchObject(known);
    expect(overlaps(at)).toBe(false);
    expect(placed(chart, at)).toBe(at);
  });

  test("a cycle has a place too", () => {
    const spec: Spec = {
      graph: "g",
      mirror_groups: { a: { mirrors: "b", devices: ["x"] }, b: { mirrors: "a", devices: ["y"] } },
    };
    expect(Object.keys(arranged(chartOf(spec)))).toHaveLength(2);
  });
});

describe("what the page knows of legality", () => {
  const reason = (source: string, target: string) =>
    verdictOf(GRAPH, { group: source }, { group: target }).reason;

  test("roles, loops and cycles", () => {
    expect(reason("primary", "offsite")).toBe("");
    expect(reason("archive", "offsite")).toBe("");
    expect(reason("readers", "archive")).toBe("");
    expect(reason("offsite", "primary")).toContain("which is a backup group");
    expect(reason("primary", "archive")).toContain("which is a copy group");
    expect(reason("offsite", "offsite")).toContain("feeds itself");
    const two = {
      ...GRAPH,
      mirror_groups: { ...GRAPH.mirror_groups, third: { devices: ["left"] } },
    };
    const chain = couple(two, { group: "offsite" }, { group: "third" }).spec;
    expect(verdictOf(chain, { group: "third" }, { group: "offsite" }).reason).toContain("cycle");
  });

  test("objects go to backup groups", () => {
    expect(verdictOfObject(GRAPH, { group: "primary" }).legal).toBe(true);
    expect(verdictOfObject(GRAPH, { group: "offsite" }).legal).toBe(false);
  });
});

test("names", () => {
  expect(freeName("disk", ["Disk", "disk2"])).toBe("disk3");
  expect(faultOfName("a.b", true)).toBe("");
  expect(faultOfName("a.b", false)).toContain("letters");
  expect(faultOfName("a", false, ["A"])).toContain("exists");
  expect(faultOfName("x".repeat(65), false)).toContain("64");
});
