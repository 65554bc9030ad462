/**
 * Names come from anywhere: of files, clients, devices.  They are shown as text, and what would not
 * be seen in it, or would turn the rest of the line around, is written out, as in "\u202e".
 */

const UNSEEN =
  // Controls; zero width and bidi marks; line and paragraph separators; tags; lone surrogates.
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|\udb40[\udc00-\udfff]/g;

const SHORT: Record<string, string> = { "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0" };

function written(found: string): string {
  if (SHORT[found]) return SHORT[found];
  const code = found.codePointAt(0) ?? 0;
  return code < 0x100
    ? `\\x${code.toString(16).padStart(2, "0")}`
    : code < 0x10000
      ? `\\u${code.toString(16).padStart(4, "0")}`
      : `\\U${code.toString(16).padStart(8, "0")}`;
}

/** The text on one line, with nothing hidden in it. */
export function visible(text: string): string {
  return text.replace(UNSEEN, written);
}

export interface Piece {
  text: string;
  isEscape: boolean;
}

/** The same in pieces, so that what was written out can be told from a name that has "\n" in it. */
export function visiblePieces(text: string): Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(UNSEEN)) {
    if (match.index > from) pieces.push({ text: text.slice(from, match.index), isEscape: false });
    pieces.push({ text: written(match[0]), isEscape: true });
    from = match.index + match[0].length;
  }
  if (from < text.length) pieces.push({ text: text.slice(from), isEscape: false });
  return pieces;
}
