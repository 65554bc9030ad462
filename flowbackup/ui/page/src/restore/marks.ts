/**
 * What is ticked in a tree that is loaded folder by folder, so that nobody knows all of it.
 *
 * A mark says of a path and of everything below it whether it is restored, until a deeper mark says
 * otherwise.  So a ticked folder takes along what was never shown.
 */

export type Marks = ReadonlyMap<string, boolean>;
export type Tick = "on" | "off" | "part";

/** Nothing is ticked; the root of an object is the path "". */
export const NOTHING: Marks = new Map();
export const EVERYTHING: Marks = new Map([["", true]]);

export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

function isBelow(path: string, folder: string): boolean {
  return path !== folder && (folder === "" || path.startsWith(`${folder}/`));
}

/** Whether it is restored: what the nearest mark says. */
export function isMeant(marks: Marks, path: string): boolean {
  for (let at = path; ; at = parentOf(at)) {
    const mark = marks.get(at);
    if (mark !== undefined) return mark;
    if (at === "") return false;
  }
}

/** What its box shows; "part" where something below it is otherwise. */
export function tickOf(marks: Marks, path: string): Tick {
  const meant = isMeant(marks, path);
  for (const [other, mark] of marks) {
    if (mark !== meant && isBelow(other, path)) return "part";
  }
  return meant ? "on" : "off";
}

/** After a click on its box: all of it, or nothing of it. */
export function toggled(marks: Marks, path: string): Marks {
  const wanted = tickOf(marks, path) !== "on";
  const rest = new Map([...marks].filter(([other]) => other !== path && !isBelow(other, path)));
  if (isMeant(rest, path) !== wanted) rest.set(path, wanted);
  return rest;
}

export interface Asked {
  paths: string[];
  except: string[];
}

/** As the server wants it: paths that are meant, and those that are not though a path above them is.
 * The whole object is the path "". */
export function askedOf(marks: Marks): Asked {
  const named = (wanted: boolean) =>
    [...marks]
      .filter(([, mark]) => mark === wanted)
      .map(([path]) => path)
      .sort();
  return { paths: named(true), except: named(false) };
}

/** Whether a folder above it was taken out of what is ticked: what is in there comes only with it. */
export function isCutOut(marks: Marks, path: string): boolean {
  for (let at = path; at !== ""; ) {
    at = parentOf(at);
    const mark = marks.get(at);
    if (mark !== undefined) return !mark;
  }
  return false;
}

export function isNothing(marks: Marks): boolean {
  return ![...marks.values()].some(Boolean);
}

/** "everything", "3 paths", "3 paths but 1 below them". */
export function marksText(marks: Marks): string {
  if (isNothing(marks)) return "nothing yet";
  const on = [...marks].filter(([path, mark]) => mark && path !== "").length;
  const off = [...marks.values()].filter((mark) => !mark).length;
  const paths = (count: number) => `${count} ${count === 1 ? "path" : "paths"}`;
  if (marks.get("")) return off ? `everything but ${paths(off)}` : "everything";
  return off ? `${paths(on)}, but not ${paths(off)} below` : paths(on);
}
