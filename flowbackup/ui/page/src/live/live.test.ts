import { describe, expect, test } from "vitest";
import { chartOf } from "../model/chart";
import type { Spec } from "../model/spec";
import { type EdgeLook, lookOf } from "./looks";
import { placesOf } from "./places";

const SPEC: Spec = {
  graph: "x",
  clients: { web: { objects: { site: { path: "/srv" } } } },
  devices: { a: { path: "/a" }, b: { path: "/b" }, c: { path: "/c" } },
  backup_groups: { primary: { devices: ["a", "b"] } },
  mirror_groups: { offsite: { mirrors: "primary", devices: ["c"] } },
};
const CHART = chartOf(SPEC, { each: true });
const look = (
  source: string,
  target: string,
  rate: number,
  mood: EdgeLook["mood"] = "good",
): EdgeLook => ({
  source,
  target,
  rate,
  under: "",
  mood,
  flows: rate > 0,
});
const line = (source: string, target: string) => {
  const found = CHART.lines.find((one) => one.source === source && one.target === target);
  if (!found) throw new Error(`no line from ${source} to ${target}`);
  return found;
};

describe("what a line tells", () => {
  const looks = [
    look("web", "primary.a", 10),
    look("web", "primary.b", 5, "warn"),
    look("primary.a", "offsite.c", 7),
  ];

  test("of all agents of the group that a client gives to", () => {
    expect(lookOf(line("client/web", "group/primary"), looks)).toMatchObject({
      rate: 15,
      mood: "warn",
      flows: true,
    });
  });

  test("of its own coupling", () => {
    expect(lookOf(line("agent/primary.a", "agent/offsite.c"), looks)).toMatchObject({
      rate: 7,
      mood: "good",
    });
  });

  test("nothing, where nothing is known", () => {
    expect(lookOf(line("agent/primary.b", "agent/offsite.c"), looks)).toBeNull();
  });
});

describe("places on a narrow page", () => {
  const wide = placesOf(CHART, {}, "right");
  const narrow = placesOf(CHART, {}, "down");

  test("columns become rows", () => {
    const order = ["client/web", "group/primary", "group/offsite"];
    const along = (places: typeof wide, axis: "x" | "y") =>
      order.map((id) => places[id]?.[axis] ?? Number.NaN);
    expect(along(wide, "x")).toEqual([...along(wide, "x")].sort((a, b) => a - b));
    expect(along(narrow, "y")).toEqual([...along(narrow, "y")].sort((a, b) => a - b));
  });

  test("nothing lies over anything else", () => {
    const boxes = CHART.boxes.map((box) => ({ ...box, ...(narrow[box.id] ?? { x: 0, y: 0 }) }));
    boxes.forEach((one, place) => {
      for (const other of boxes.slice(place + 1)) {
        const apart =
          one.y + one.height <= other.y ||
          other.y + other.height <= one.y ||
          one.x + one.width <= other.x ||
          other.x + other.width <= one.x;
        expect(apart).toBe(true);
      }
    });
  });
});
