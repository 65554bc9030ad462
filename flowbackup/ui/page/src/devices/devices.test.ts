import { describe, expect, test } from "vitest";
import { type MediumRow, mediumAdvice, mediumLight, mediumWord, usedShare } from "./medium";

const ROW: MediumRow = {
  device: "nas", medium: "m", pool: "default", location: "/mnt/nas", node: "here", created_ns: 1, free_bytes: 40,
  total_bytes: 100, reachable: true, fault: "", frames: 10, frames_verified: 10, frames_damaged: 0,
  verified_oldest_ns: 1, verified_newest_ns: 2, bytes_held: 9,
};

describe("how sound a medium is", () => {
  test.each<[Partial<MediumRow>, string, string]>([
    [{}, "success", "verified whole"],
    [{ frames_verified: 3 }, "unverified", "30 % verified"],
    [{ frames_verified: 0 }, "unverified", "never verified"],
    [{ frames_damaged: 2 }, "failed", "2 frames damaged"],
    [{ reachable: false }, "failed", "away"],
    [{ reachable: false, lost: [{ object: "a", object_id: "b", frames: 1 }] }, "failed", "away, and takes objects along"],
    [{ frames: 0, frames_verified: 0 }, "never", "empty"],
    [{ frames: 1000, frames_verified: 999 }, "unverified", "99 % verified"],
  ])("%j", (change, light, word) => {
    expect(mediumLight({ ...ROW, ...change })).toBe(light);
    expect(mediumWord({ ...ROW, ...change })).toBe(word);
  });

  test("what to do", () => {
    expect(mediumAdvice(ROW)).toBe("");
    expect(mediumAdvice({ ...ROW, frames_damaged: 1 })).toContain("Repair");
  });

  test("room", () => {
    expect(usedShare(ROW)).toBeCloseTo(0.6);
    expect(usedShare({ ...ROW, total_bytes: null })).toBeNull();
  });
});
