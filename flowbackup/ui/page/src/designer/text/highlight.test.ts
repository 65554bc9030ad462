import { expect, test } from "vitest";
import { piecesOf } from "./highlight";

const LINES = [
  "# a comment",
  "graph: chain   # and one behind",
  '  - {from: "a.b[0:4]", to: "c#d"}',
  "  path: /srv/www#1",
  "",
  "it's \"half",
];

test("the pieces of a line are the line", () => {
  for (const line of LINES) {
    expect(
      piecesOf(line)
        .map((piece) => piece.text)
        .join(""),
    ).toBe(line);
  }
});

test("comments, keys and strings are told apart", () => {
  const kinds = (line: string) => piecesOf(line).map(({ kind, text }) => `${kind} ${text}`);
  expect(kinds(LINES[1] ?? "")).toEqual([
    "key graph",
    "plain : chain  ",
    "comment  # and one behind",
  ]);
  expect(kinds(LINES[2] ?? "")).toContain('text "c#d"');
  expect(kinds(LINES[3] ?? "")).toEqual(["plain   ", "key path", "plain : /srv/www#1"]);
});
