/**
 * Names come from anywhere: of files, clients, devices.  They are shown as text, and what would not
 * be seen in it, or would turn the rest of the line around, is written out, as in "\u202e".
 */

/** First and last code point of what nobody sees. */
const UNSEEN: readonly (readonly [number, number])[] = [
  [0x00, 0x1f], // controls
  [0x7f, 0x9f],
  [0xad, 0xad], // soft hyphen
  [0x61c, 0x61c], // a mark that turns the direction of writing, as some of the others
  [0x115f, 0x1160], // fillers
  [0x180e, 0x180e],
  [0x200b, 0x200f], // without width
  [0x2028, 0x202e], // separators of lines, and directions
  [0x2060, 0x206f],
  [0x3164, 0x3164],
  [0xd800, 0xdfff], // halves of pairs that stand alone
  [0xfe00, 0xfe0f], // choices of a form
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
  [0xfff9, 0xfffb],
  [0xe0000, 0xe0fff], // tags
];
const SHORT: Record<string, string> = { "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0" };

function isUnseen(letter: string): boolean {
  const code = letter.codePointAt(0) ?? 0;
  return UNSEEN.some(([first, last]) => first <= code && code <= last);
}

function written(letter: string): string {
  const short = SHORT[letter];
  if (short) return short;
  const code = letter.codePointAt(0) ?? 0;
  const hex = (digits: number) => code.toString(16).padStart(digits, "0");
  if (code < 0x100) return `\\x${hex(2)}`;
  return code < 0x10000 ? `\\u${hex(4)}` : `\\U${hex(8)}`;
}

export interface Piece {
  text: string;
  isEscape: boolean;
}

/** The text on one line with nothing hidden in it, in pieces, so that what was written out can be
 * told from a name that has "\n" in it. */
export function visiblePieces(text: string): Piece[] {
  const pieces: Piece[] = [];
  for (const letter of text) {
    const isEscape = isUnseen(letter);
    const last = pieces.at(-1);
    if (last && !isEscape && !last.isEscape) last.text += letter;
    else pieces.push({ text: isEscape ? written(letter) : letter, isEscape });
  }
  return pieces;
}

/** The same as one text. */
export function visible(text: string): string {
  return visiblePieces(text)
    .map((piece) => piece.text)
    .join("");
}
