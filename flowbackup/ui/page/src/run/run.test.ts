import { describe, expect, test } from "vitest";
import { NO_SERIES, POINTS_MAX, READ, withMoment } from "./series";
import { doneShare, doneText, secondsLeft } from "./share";
import type { EdgeNow, RunState } from "./state";
import { runOf, type ToldState, withEvent } from "./told";
import { edgeMood, edgeText, holdingUp, waits } from "./waits";

const EDGE: EdgeNow = {
  name: "primary.nas",
  source: "web",
  target: "primary.nas",
  level: 0,
  bytes_moved: 0,
  bytes_durable: 0,
  bytes_per_second: 0,
  slots_used: 0,
  slots: 8,
  state: "running",
  waiting_for: "",
  waiting_seconds: 0,
};
const RUN: RunState = {
  id: "i",
  session: "s",
  kind: "backup",
  graph: "nightly",
  graph_file: "",
  state: "running",
  seconds: 10,
  started_ns: 1,
  stage: "running",
  files: 3,
  files_total: 10,
  bytes_read: 50,
  bytes_total: 100,
  bytes_per_second: 5,
  edges: [],
  messages: [],
  problems: [],
  problems_total: 0,
  outcome: null,
  report: null,
  error: null,
  rows: [],
  command: "",
  can: [],
};
const waiting = (who: string, whom: string, seconds: number): EdgeNow => ({
  ...EDGE,
  name: who,
  target: who,
  waiting_for: whom,
  waiting_seconds: seconds,
});

describe("who waits", () => {
  test("the longest first, and short waits are no news", () => {
    const edges = [waiting("a", "b", 0.4), waiting("c", "d", 3), waiting("e", "f", 14)];
    expect(waits(edges).map((wait) => wait.who)).toEqual(["e", "c"]);
  });

  test("the end of a row of waits holds all of it up", () => {
    const edges = [
      waiting("primary", "offsite", 9),
      waiting("offsite", "vault", 8),
      waiting("vault", "tape", 7),
    ];
    expect(holdingUp(edges)).toBe("tape");
  });

  test("a ring ends, and names one of it", () => {
    expect(["a", "b"]).toContain(holdingUp([waiting("a", "b", 5), waiting("b", "a", 4)]));
  });

  test("nobody", () => expect(holdingUp([EDGE])).toBeNull());

  test("in words", () => {
    expect(edgeText(waiting("a", "usb", 14.4))).toBe("waiting for usb since 14 s");
    expect(edgeText(EDGE)).toBe("running");
    expect(edgeMood({ ...EDGE, state: "relay-only" })).toBe("warn");
    expect(edgeMood({ ...EDGE, state: "a new word" })).toBe("quiet");
  });
});

describe("how far", () => {
  test("half", () => expect(doneShare(RUN)).toBe(0.5));
  test("an unknown total is unknown", () => {
    expect(doneShare({ ...RUN, bytes_total: null })).toBeNull();
    expect(doneText({ ...RUN, bytes_total: null })).toContain("total unknown");
  });
  test("all read is not all durable", () => {
    expect(doneShare({ ...RUN, bytes_read: 100 })).toBeLessThan(1);
    expect(doneShare({ ...RUN, bytes_read: 400 })).toBeLessThan(1);
  });
  test("only success is 100 %", () => {
    expect(doneShare({ ...RUN, state: "finished", outcome: "success" })).toBe(1);
    expect(doneShare({ ...RUN, state: "finished", outcome: "incomplete" })).toBeNull();
    expect(doneShare({ ...RUN, state: "interrupted", bytes_read: 100 })).toBeNull();
  });
  test("time left", () => {
    expect(secondsLeft(RUN)).toBe(10);
    expect(secondsLeft({ ...RUN, bytes_total: null })).toBeNull();
    expect(secondsLeft({ ...RUN, bytes_read: 0 })).toBeNull();
  });
});

describe("rates over time", () => {
  const at = (seconds: number, edges: EdgeNow[] = [EDGE]) => ({ ...RUN, seconds, edges });

  test("an edge that comes later has nothing before", () => {
    const series = withMoment(withMoment(NO_SERIES, at(1, [])), at(2));
    expect(series.lines.get(EDGE.name)).toEqual([null, 0]);
    expect(series.lines.get(READ)).toEqual([5, 5]);
  });

  test("the same moment is told once", () => {
    const series = withMoment(NO_SERIES, at(1));
    expect(withMoment(series, at(1))).toBe(series);
  });

  test("the memory is bounded, and keeps first and last", () => {
    let series = NO_SERIES;
    for (let second = 0; second < 5 * POINTS_MAX; second += 1)
      series = withMoment(series, at(second));
    expect(series.seconds.length).toBeLessThanOrEqual(POINTS_MAX);
    expect(series.seconds[0]).toBe(0);
    expect(series.seconds.at(-1)).toBe(5 * POINTS_MAX - 1);
    for (const line of series.lines.values()) expect(line.length).toBe(series.seconds.length);
  });
});

describe("what the server tells", () => {
  const told: ToldState = {
    id: "i",
    kind: "run",
    title: "nightly",
    session: null,
    graph: "/g.yaml",
    state: "running",
    outcome: null,
    exit_code: null,
    started_ns: "5000000000",
    by_page: true,
    command: "flowbackup run /g.yaml",
    progress: null,
    problems: [],
    problems_total: 0,
    messages: [],
    rows: [],
    summary: null,
    error: null,
  };
  const now = 7000;

  test("before its session has begun", () => {
    expect(runOf(told, now)).toMatchObject({
      id: "i",
      session: "i",
      state: "starting",
      seconds: 2,
      can: ["cancel"],
    });
  });

  test("a session of a chain can be changed", () => {
    expect(runOf({ ...told, session: "s" }, now).can).toContain("attach");
    expect(runOf({ ...told, session: "s", kind: "verify" }, now).can).toEqual(["cancel"]);
    expect(runOf({ ...told, session: "s", can: ["pace", "cancel"] }, now).can).toContain("pace");
  });

  test("an event that says nothing of progress takes none away", () => {
    const progress = {
      stage: "running",
      files: 1,
      files_total: null,
      bytes_read: 5,
      bytes_total: null,
      rate: 2,
      edges: [],
    };
    const { command, problems, messages, rows, summary, error, ...head } = { ...told, progress };
    const next = withEvent({ ...told, progress }, { ...head, progress: null, message: "hello" });
    expect(next.progress).toBe(progress);
    expect(withEvent(next, { ...head, progress: null, message: "hello" }).messages).toEqual([
      "hello",
    ]);
  });

  test.each([
    [{ state: "ended" as const, exit_code: 0 }, "finished"],
    [{ state: "ended" as const, exit_code: 130 }, "interrupted"],
    [{ state: "lost" as const, exit_code: 1 }, "interrupted"],
  ])("%j", (end, state) => expect(runOf({ ...told, ...end }, now).state).toBe(state));

  test("who died without a word is no success", () => {
    expect(runOf({ ...told, state: "lost" }, now).error?.message).toContain("without a word");
  });

  test("why which copies", () => {
    const rows = [
      { type: "medium", device: "nas" },
      { type: "detour", frame: "f" },
      { type: "other" },
    ];
    const run = runOf({ ...told, state: "ended", summary: { outcome: "success" }, rows }, now);
    expect(run.report?.explanation).toMatchObject({
      media: [{ device: "nas" }],
      detours: [{ frame: "f" }],
    });
  });
});
