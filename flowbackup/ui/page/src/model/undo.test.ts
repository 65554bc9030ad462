import { expect, test } from "vitest";
import { amend, historyOf, redo, step, undo } from "./undo";

test("steps are undone and done again", () => {
  let history = step(step(historyOf(1), 2), 3);
  history = undo(history);
  expect(history.present).toBe(2);
  expect(redo(history).present).toBe(3);
  expect(step(history, 9).future).toEqual([]);
  expect(undo(historyOf(1)).present).toBe(1);
});

test("typing in a row is one step, and a new one after an undo", () => {
  let history = historyOf("");
  for (const text of ["a", "ab", "abc"]) history = step(history, text, "text");
  expect(undo(history).present).toBe("");
  const again = step(undo(step(history, "box")), "abcd", "text");
  expect(undo(again).present).toBe("abc");
});

test("an amended state is no step", () => {
  const history = amend(step(historyOf(1), 2), 3);
  expect([history.present, undo(history).present]).toEqual([3, 1]);
});
