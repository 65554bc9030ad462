import { describe, expect, test } from "vitest";
import { secondsOf } from "../text/time";
import { byObject, type Decision, expected, whyKept } from "./decisions";
import { EMPTY_FORM, options, read, USUAL_FORM, wantsNothing } from "./policy";

describe("keep rules", () => {
  test("as they are sent", () => {
    expect(read(USUAL_FORM)).toEqual({
      keep: { last: 3, daily: 7, weekly: 5, monthly: 12, copies: 1 },
      faults: {},
    });
    expect(read({ ...EMPTY_FORM, within: "30d", tags: "gold, legal" }).keep).toEqual({
      copies: 1,
      within: "2592000s",
      tags: ["gold", "legal"],
    });
  });

  test.each([
    ["last", { last: "-1" }],
    ["last", { last: "3.5" }],
    ["last", { last: "1e3" }],
    ["copies", { copies: "0" }],
    ["within", { within: "30 fortnights" }],
    ["within", { within: "d" }],
  ])("%s is refused", (field, change) => {
    expect(read({ ...EMPTY_FORM, ...change }).faults).toHaveProperty(field);
  });

  test("nothing wanted", () => {
    expect(wantsNothing(read(EMPTY_FORM).keep)).toBe(true);
    expect(wantsNothing(read(USUAL_FORM).keep)).toBe(false);
  });

  test.each([
    ["90s", 90],
    ["1h30m", 5400],
    ["2 h", 7200],
    ["0", 0],
    ["", null],
    ["1w", null],
    ["h1", null],
  ])("%j", (text, seconds) => expect(secondsOf(text)).toBe(seconds));

  test("the equal command line", () => {
    const { keep } = read({ ...EMPTY_FORM, last: "2", tags: "gold", copies: "2" });
    expect(options(keep)).toEqual(["--keep-last", "2", "--copies", "2", "--keep-tag", "gold"]);
  });
});

const decision = (name: string, version: number, keep: boolean): Decision => ({
  client: "web",
  name,
  version,
  object_id: `${name}${version}`,
  session: "s",
  finished_ns: version,
  outcome: "success",
  keep,
  reasons: keep ? ["last 1 of 3"] : [],
});

describe("decisions", () => {
  const all = [decision("site", 1, false), decision("site", 2, true), decision("mail", 1, true)];

  test("by object, newest first", () => {
    const judged = byObject(all);
    expect(judged.map((item) => [item.object, item.going])).toEqual([
      ["web/site", 1],
      ["web/mail", 0],
    ]);
    expect(judged[0]?.decisions.map((item) => item.version)).toEqual([2, 1]);
  });

  test("only what was shown goes", () => expect(expected(all)).toEqual(["site1"]));
  test("why", () => {
    expect(whyKept(all[0] as Decision)).toBe("no rule keeps it");
    expect(whyKept(all[1] as Decision)).toBe("last 1 of 3");
  });
});
