import { describe, expect, test } from "vitest";
import { crumbs, type Entry, inOrder, versionsText } from "./paths";

const entry = (path: string, kind = "file"): Entry => ({
  path,
  kind,
  mode: "0644",
  uid: 0,
  gid: 0,
  owner: "",
  group: "",
  size: 0,
  mtime_ns: 0,
  links: 1,
  problem: "",
});

describe("ways through a tree", () => {
  test("crumbs", () => {
    expect(crumbs("")).toEqual([]);
    expect(crumbs("etc/ssl")).toEqual([
      { name: "etc", path: "etc" },
      { name: "ssl", path: "etc/ssl" },
    ]);
  });

  test("directories first", () => {
    const rows = inOrder([
      entry("b"),
      entry("z", "directory"),
      entry("a"),
      entry("y", "directory"),
    ]);
    expect(rows.map((row) => row.path)).toEqual(["y", "z", "a", "b"]);
  });

  test.each([
    [[3, 1, 2], "1–3"],
    [[5], "5"],
    [[1, 2, 5, 6, 9], "1–2, 5–6, 9"],
    [[], ""],
    [[2, 2], "2"],
  ])("versions %j", (numbers, text) => expect(versionsText(numbers)).toBe(text));
});
