/** The drawing model of a graph, as plan/picture.py makes it, and where its boxes stand. */

export interface Box {
  name: string;
  kind: string;
  lines: string[];
  group: string;
  rank: number;
  buffers: number;
  device?: string;
  node?: string;
}

export interface Line {
  source: string;
  target: string;
  label: string;
  optional: boolean;
}

export interface Picture {
  boxes: Box[];
  edges: Line[];
}

export interface Place {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Layout {
  boxes: Map<string, Place>;
  frames: Map<string, Place>;
}

/** right: from client to last level as one reads; down: for narrow pages. */
export type Direction = "right" | "down";

export const BOX = { width: 196, height: 88 };
const BETWEEN_RANKS = { right: 118, down: 66 };
const BETWEEN_BOXES = 16;
const BETWEEN_GROUPS = 44;
const FRAME = { side: 12, head: 28 };

/** Boxes rank by rank, those of a group together inside its frame, each rank in the middle. */
export function layoutOf(picture: Picture, direction: Direction): Layout {
  const ranks = new Map<number, Box[]>();
  for (const box of picture.boxes) ranks.set(box.rank, [...(ranks.get(box.rank) ?? []), box]);
  const along = direction === "right" ? BOX.width : BOX.height;
  const across = direction === "right" ? BOX.height : BOX.width;
  const head = direction === "right" ? FRAME.head : FRAME.side;
  const boxes = new Map<string, Place>();
  let at = 0;
  for (const rank of [...ranks.keys()].sort((one, other) => one - other)) {
    const own = ranks.get(rank) ?? [];
    const places = lengthwise(own, across, head);
    const whole = places.at(-1) ?? 0;
    own.forEach((box, place) => {
      const side = (places[place] ?? 0) - (whole + across) / 2;
      boxes.set(box.name, {
        x: direction === "right" ? at : side,
        y: direction === "right" ? side : at,
        ...BOX,
      });
    });
    at += along + BETWEEN_RANKS[direction];
  }
  return { boxes, frames: framesOf(picture, boxes) };
}

function lengthwise(own: readonly Box[], size: number, head: number): number[] {
  const places: number[] = [];
  let at = 0;
  own.forEach((box, place) => {
    const before = own[place - 1];
    if (before) at += size + (before.group === box.group && box.group ? BETWEEN_BOXES : BETWEEN_GROUPS + head);
    places.push(at);
  });
  return places;
}

function framesOf(picture: Picture, boxes: ReadonlyMap<string, Place>): Map<string, Place> {
  const frames = new Map<string, Place>();
  for (const box of picture.boxes) {
    const place = boxes.get(box.name);
    if (!box.group || !place) continue;
    const own = {
      x: place.x - FRAME.side, y: place.y - FRAME.head,
      width: place.width + 2 * FRAME.side, height: place.height + FRAME.head + FRAME.side,
    };
    frames.set(box.group, around(frames.get(box.group), own));
  }
  return frames;
}

function around(one: Place | undefined, other: Place): Place {
  if (!one) return other;
  const x = Math.min(one.x, other.x);
  const y = Math.min(one.y, other.y);
  return {
    x, y,
    width: Math.max(one.x + one.width, other.x + other.width) - x,
    height: Math.max(one.y + one.height, other.y + other.height) - y,
  };
}
