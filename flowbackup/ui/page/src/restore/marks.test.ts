import { describe, expect, test } from "vitest";
import {
  askedOf,
  EVERYTHING,
  isCutOut,
  isMeant,
  isNothing,
  type Marks,
  marksText,
  NOTHING,
  parentOf,
  tickOf,
  toggled,
} from "./marks";

const clicked = (...paths: string[]): Marks => paths.reduce(toggled, NOTHING);

describe("tick boxes", () => {
  test("a folder takes along what is below it, seen or not", () => {
    const marks = clicked("etc");
    expect(isMeant(marks, "etc/ssl/never/shown")).toBe(true);
    expect(isMeant(marks, "etcetera")).toBe(false);
    expect(tickOf(marks, "")).toBe("part");
  });

  test("what is taken out of a ticked folder", () => {
    const marks = clicked("etc", "etc/ssl");
    expect(tickOf(marks, "etc")).toBe("part");
    expect(tickOf(marks, "etc/ssl")).toBe("off");
    expect(askedOf(marks)).toEqual({ paths: ["etc"], except: ["etc/ssl"] });
  });

  test("and put in again, deeper", () => {
    const marks = clicked("etc", "etc/ssl", "etc/ssl/own.pem");
    expect(isMeant(marks, "etc/ssl/own.pem")).toBe(true);
    expect(isMeant(marks, "etc/ssl/other.pem")).toBe(false);
    expect(askedOf(marks)).toEqual({ paths: ["etc", "etc/ssl/own.pem"], except: ["etc/ssl"] });
  });

  test("a folder that was taken out keeps what is in it", () => {
    const marks = clicked("etc", "etc/ssl");
    expect(isCutOut(marks, "etc/ssl/own.pem")).toBe(true);
    expect(isCutOut(marks, "etc/ssl")).toBe(false);
    expect(isCutOut(marks, "var/log")).toBe(false);
    expect(isCutOut(EVERYTHING, "var")).toBe(false);
  });

  test("a click on a box that is part makes it whole, and forgets what was below", () => {
    const marks = toggled(clicked("etc", "etc/ssl"), "etc");
    expect(tickOf(marks, "etc")).toBe("on");
    expect(marks.size).toBe(1);
  });

  test("two clicks are none", () => {
    expect(isNothing(clicked("a/b", "a/b"))).toBe(true);
    expect(askedOf(clicked("a", "a/b", "a/b"))).toEqual({ paths: ["a"], except: [] });
  });

  test("everything is the root", () => {
    expect(askedOf(EVERYTHING)).toEqual({ paths: [""], except: [] });
    const marks = toggled(toggled(EVERYTHING, "tmp"), "tmp/kept");
    expect(askedOf(marks)).toEqual({ paths: ["", "tmp/kept"], except: ["tmp"] });
  });

  test("in words", () => {
    expect(marksText(NOTHING)).toBe("nothing yet");
    expect(marksText(EVERYTHING)).toBe("everything");
    expect(marksText(toggled(EVERYTHING, "tmp"))).toBe("everything but 1 path");
    expect(marksText(clicked("a", "b"))).toBe("2 paths");
  });

  test("any row of clicks means what a naive tree means", () => {
    const paths = ["", "a", "a/b", "a/b/c", "a/d", "e", "e/f"];
    let seed = 7;
    const random = () => {
      seed = (seed * 1103515245 + 12345) % 2 ** 31;
      return seed / 2 ** 31;
    };
    for (let round = 0; round < 300; round += 1) {
      let marks = NOTHING;
      const naive = new Map(paths.map((path) => [path, false]));
      for (let click = 0; click < 8; click += 1) {
        const path = paths[Math.floor(random() * paths.length)] as string;
        const wanted = tickOf(marks, path) !== "on";
        marks = toggled(marks, path);
        for (const other of paths) {
          if (other === path || path === "" || other.startsWith(`${path}/`))
            naive.set(other, wanted);
        }
      }
      for (const path of paths) expect(isMeant(marks, path)).toBe(naive.get(path));
      const asked = askedOf(marks);
      for (const path of paths) expect(nearest(asked, path)).toBe(naive.get(path));
    }
  });
});

/** As the contract says it of the server. */
function nearest(asked: { paths: string[]; except: string[] }, path: string): boolean {
  for (let at = path; ; at = parentOf(at)) {
    if (asked.paths.includes(at)) return true;
    if (asked.except.includes(at)) return false;
    if (at === "") return false;
  }
}
