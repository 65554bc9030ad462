import { describe, expect, test } from "vitest";
import { type Box, layoutOf, type Picture, type Place } from "./picture";

const box = (name: string, rank: number, group = ""): Box => ({ name, kind: "backup", lines: [], group, rank, buffers: 4 });
const PICTURE: Picture = {
  boxes: [
    box("web", 0), box("primary.a", 1, "primary"), box("primary.b", 1, "primary"), box("other.c", 1, "other"),
    box("offsite.d", 2, "offsite"),
  ],
  edges: [],
};

const overlap = (one: Place, other: Place) =>
  one.x < other.x + other.width && other.x < one.x + one.width && one.y < other.y + other.height && other.y < one.y + one.height;

describe.each(["right", "down"] as const)("a layout to the %s", (direction) => {
  const layout = layoutOf(PICTURE, direction);

  test("nothing lies over anything else", () => {
    const boxes = [...layout.boxes.values()];
    const frames = [...layout.frames.values()];
    for (const places of [boxes, frames]) {
      places.forEach((one, place) => {
        for (const other of places.slice(place + 1)) expect(overlap(one, other)).toBe(false);
      });
    }
  });

  test("ranks follow each other", () => {
    const at = (name: string) => layout.boxes.get(name)?.[direction === "right" ? "x" : "y"] ?? Number.NaN;
    expect(at("web")).toBeLessThan(at("primary.a"));
    expect(at("primary.a")).toBe(at("primary.b"));
    expect(at("primary.b")).toBeLessThan(at("offsite.d"));
  });

  test("a frame holds its boxes", () => {
    const frame = layout.frames.get("primary") as Place;
    for (const name of ["primary.a", "primary.b"]) {
      const own = layout.boxes.get(name) as Place;
      expect(own.x > frame.x && own.y > frame.y).toBe(true);
      expect(own.x + own.width < frame.x + frame.width && own.y + own.height < frame.y + frame.height).toBe(true);
    }
  });
});
