import { describe, expect, test } from "vitest";
import { counted, formatRate, formatSeconds, formatSize } from "./size";
import { formatAgo, formatTime } from "./time";
import { visible, visiblePieces } from "./visible";

describe("sizes", () => {
  test.each([
    [0, "0 B"],
    [17, "17 B"],
    [1024, "1 KiB"],
    [1536, "1.5 KiB"],
    [8 << 20, "8 MiB"],
    [2 ** 50, "1024 TiB"],
    [null, "unknown"],
    [undefined, "unknown"],
  ])("%s", (bytes, text) => expect(formatSize(bytes)).toBe(text));

  test.each([
    [0, "–"],
    [72, "72 B/s"],
    [999_000, "999 kB/s"],
    [2_500_000, "2.5 MB/s"],
    [80e6, "80 MB/s"],
    [null, "unknown"],
  ])("rate %s", (rate, text) => expect(formatRate(rate)).toBe(text));

  test.each([
    [3.21, "3.2 s"],
    [65, "1:05"],
    [9000, "2:30:00"],
    [3 * 86_400 + 4 * 3600, "3 d 4 h"],
    [Infinity, "unknown"],
  ])("%s seconds", (seconds, text) => expect(formatSeconds(seconds)).toBe(text));

  test("one and many", () => {
    expect(counted(1, "copy", "copies")).toBe("1 copy");
    expect(counted(1200, "file")).toBe("1,200 files");
  });
});

describe("times", () => {
  const now = Date.UTC(2026, 10, 27, 12);
  const ago = (seconds: number) => (now - seconds * 1000) * 1e6;

  test.each([
    [5, "just now"],
    [120, "2 minutes ago"],
    [86_400, "1 day ago"],
    [86_400 * 400, "1 year ago"],
  ])("%s seconds before", (seconds, text) => expect(formatAgo(ago(seconds), now)).toBe(text));

  test("what never was", () => {
    expect(formatAgo(null, now)).toBe("never");
    expect(formatTime(0)).toBe("–");
  });

  test("to the second", () => expect(formatTime(ago(0))).toMatch(/^2026-11-2\d \d\d:00:00$/));
});

describe("names", () => {
  test.each([
    ["plain", "plain"],
    ["zwei\nZeilen", "zwei\\nZeilen"],
    ["a\u202egpj.exe", "a\\u202egpj.exe"],
    ["\u001b[31m", "\\x1b[31m"],
    ["ß 漢 🙂", "ß 漢 🙂"],
    ["z\u200bw", "z\\u200bw"],
    ["\ud800x", "\\ud800x"],
    ["<b>bold</b>", "<b>bold</b>"],
  ])("%j", (name, text) => expect(visible(name)).toBe(text));

  test("what was written out can be told apart", () => {
    expect(visiblePieces("a\nb")).toEqual([
      { text: "a", isEscape: false },
      { text: "\\n", isEscape: true },
      { text: "b", isEscape: false },
    ]);
    expect(visiblePieces("a\\nb")).toEqual([{ text: "a\\nb", isEscape: false }]);
  });
});
