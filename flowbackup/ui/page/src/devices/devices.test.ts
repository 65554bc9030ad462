import { expect, test } from "vitest";
import { type LostRow, type MediumRow, standingOf } from "./medium";

const ROW: MediumRow = {
  device: "nas",
  medium: "m",
  pool: "default",
  set_number: null,
  location: "/mnt/nas",
  node: "here",
  created_ns: 1,
  free_bytes: 40,
  frames: 10,
  frames_verified: 10,
  frames_damaged: 0,
  verified_oldest_ns: 1,
  verified_newest_ns: 2,
};
const LOST: LostRow = {
  device: "nas",
  medium: "m",
  location: "/mnt/nas",
  fault: "is not there",
  versions: [],
};

test.each<[Partial<MediumRow>, string, string]>([
  [{}, "success", "verified whole"],
  [{ frames_verified: 3 }, "unverified", "30 % verified"],
  [{ frames_verified: 0 }, "unverified", "never verified"],
  [{ frames_damaged: 2 }, "failed", "2 frames damaged"],
  [{ frames: 0, frames_verified: 0 }, "never", "empty"],
  [{ frames: 1000, frames_verified: 999 }, "unverified", "99 % verified"],
  [{ frames: null, frames_verified: null }, "unverified", "not known"],
])("how a medium stands: %j", (change, light, word) => {
  expect(standingOf({ ...ROW, ...change }, null)).toMatchObject({ light, word });
});

test("what is away is not sound, however often it was verified", () => {
  expect(standingOf(ROW, LOST)).toMatchObject({ light: "failed", word: "away" });
  const takes = { ...LOST, versions: [{ object: "a", object_id: "b", frames: 1 }] };
  expect(standingOf(ROW, takes).word).toContain("takes objects along");
});

test("what is to be done is said, and nothing where nothing is", () => {
  expect(standingOf(ROW, null).advice).toBe("");
  expect(standingOf({ ...ROW, frames_damaged: 1 }, null).advice).toContain("Repair");
  expect(standingOf({ ...ROW, frames_verified: 1 }, null).advice).toContain("Verify");
});
