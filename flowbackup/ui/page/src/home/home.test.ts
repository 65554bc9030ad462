import { describe, expect, test } from "vitest";
import type { LightState } from "../sessions/report";
import { copiesText, counts, type HomeRow, headline, lacksCopies, worstFirst } from "./lights";

const row = (light: LightState, object = light): HomeRow => ({
  client: "web",
  object,
  light,
  why: "",
  last_good_ns: 1,
  last_verified_ns: 1,
  copies_durable: 2,
  copies_wanted: 3,
  next_run_ns: null,
  bytes: 1,
});

describe("the first look", () => {
  test("what asks for a look stands above", () => {
    const rows = [row("success"), row("failed"), row("unverified")];
    expect(worstFirst(rows).map((found) => found.light)).toEqual([
      "failed",
      "unverified",
      "success",
    ]);
  });

  test.each<[LightState[], string]>([
    [[], "Nothing was backed up yet"],
    [["success"], "Everything is backed up and was read back"],
    [["unverified", "success"], "Everything is backed up; 1 of 2 not read back yet"],
    [["unverified"], "Everything is backed up; nothing was read back yet"],
    [["incomplete", "success"], "One object is not complete"],
    [["failed", "failed", "success"], "2 objects have no good backup"],
  ])("%j", (lights, text) => expect(headline(lights.map((light) => row(light)))).toBe(text));

  test("only lights that are there are counted", () => {
    expect(counts([row("success"), row("success")])).toEqual([["success", 2]]);
  });

  test("copies", () => {
    expect(copiesText(row("success"))).toBe("2 of 3");
    expect(lacksCopies(row("success"))).toBe(true);
    expect(copiesText({ ...row("success"), copies_durable: null })).toBe("unknown");
    expect(lacksCopies({ ...row("success"), copies_wanted: null })).toBe(false);
  });
});
