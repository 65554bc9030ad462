import { describe, expect, test } from "vitest";
import { ALL_OBJECTS, type Condition, faultOf, requestOf } from "./asked";
import { compared, linesOf, longWaits, type Prediction } from "./prediction";

const row = (change: Partial<Condition>): Condition => ({
  what: "rate",
  name: "usb",
  value: "80MB/s",
  at: "",
  ...change,
});

describe("what is asked", () => {
  test("as the simulator wants it", () => {
    const rows = [
      row({}),
      row({ name: "nas", value: "10MB/s", at: "600s" }),
      row({ what: "fail", name: "vault", at: "10m" }),
      row({ what: "size", name: ALL_OBJECTS, value: "2TB" }),
      row({ what: "lost", at: "1h" }),
    ];
    expect(requestOf("graph: x", "/x.yaml", rows)).toEqual({
      text: "graph: x",
      path: "/x.yaml",
      seed: 0,
      rates: { usb: "80MB/s", nas: "10MB/s@600s" },
      fails: { vault: "10m" },
      sizes: { "": "2TB" },
      lost: { usb: "1h" },
    });
  });

  test.each([
    [{ name: "" }],
    [{ value: "fast" }],
    [{ value: "" }],
    [{ what: "fail" as const, at: "" }],
    [{ what: "fail" as const, at: "soon" }],
    [{ what: "size" as const, value: "2 houses" }],
    [{ at: "later" }],
  ])("%j has a fault, and is not sent", (change) => {
    expect(faultOf(row(change))).not.toBe("");
    expect(requestOf("", "", [row(change)])).toEqual({ text: "", path: "", seed: 0 });
  });

  test("a long text that is none is told at once", () => {
    const digits = "1".repeat(50_000);
    const spaces = `1${" ".repeat(50_000)}`;
    for (const text of [`${digits}!`, `${spaces}!`, `${"1 ".repeat(50_000)}!`]) {
      expect(faultOf(row({ what: "fail", at: text }))).not.toBe("");
      expect(faultOf(row({ value: text }))).not.toBe("");
      expect(faultOf(row({ what: "size", value: text }))).not.toBe("");
    }
  });

  test("80 MB / s and 600 are fine", () => {
    expect(faultOf(row({ value: " 80 MB / s ", at: "600" }))).toBe("");
  });

  test("2 TiB and 1h30m are fine", () => {
    expect(faultOf(row({ what: "room", value: "2 TiB" }))).toBe("");
    expect(faultOf(row({ what: "fail", at: "1h30m" }))).toBe("");
  });
});

const prediction = (seconds: number, rate: number, outcome = "success"): Prediction => ({
  summary: {
    graph: "x",
    outcome,
    duration_seconds: seconds,
    duration_seconds_total: seconds,
    rate,
    bytes_source: 1,
    bytes_safe: 1,
    bottleneck: "",
    memory: [{ node: "here", bytes_planned: 64, bytes_peak: 1 }],
    assumed: [],
    stages: [],
  },
  devices: [],
  edges: [],
  losses: [],
  waits: [
    { stage: 0, who: "web", whom: "usb", seconds: 50 },
    { stage: 0, who: "web", whom: "nas", seconds: 1 },
  ],
  samples: [
    { stage: 0, seconds: 0, bytes_read: 0, fill: { usb: 0 } },
    { stage: 0, seconds: 2, bytes_read: 20, fill: { usb: 4 } },
    { stage: 1, seconds: 9, bytes_read: 20, fill: { usb: 4 } },
  ],
});

describe("predictions", () => {
  const words = { seconds: String, rate: String, size: String };
  test("side by side", () => {
    const rows = compared(prediction(100, 8), prediction(50, 16, "incomplete"), words);
    const better = Object.fromEntries(rows.map((found) => [found.what, found.better]));
    expect(better).toMatchObject({ takes: "other", rate: "other", "ends with": "one", memory: "" });
  });
  test("nearly the same is the same", () => {
    expect(compared(prediction(100, 8), prediction(100.2, 8), words)[1]?.better).toBe("");
  });
  test("short waits hold nobody up", () =>
    expect(longWaits(prediction(100, 1)).map((wait) => wait.whom)).toEqual(["usb"]));
  test("lines of the session alone", () => {
    const lines = linesOf(prediction(10, 1));
    expect(lines.seconds).toEqual([0, 2]);
    expect(lines.read).toEqual([0, 10]);
    expect(lines.fill.get("usb")).toEqual([0, 4]);
  });
});
