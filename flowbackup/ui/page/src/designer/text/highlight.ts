// Colours for the text of a graph: comments, keys and strings. What does not look like any of them
// stays plain.

export interface Piece {
  text: string;
  kind: "plain" | "comment" | "key" | "text";
}

const PIECES =
  /(^\s*#.*|\s#.*)|("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')(?!\s*:)|([A-Za-z0-9_.-]+|"[^"]*")(?=\s*:(?:\s|$))/g;

/** The pieces of one line, which together are the line. */
export function piecesOf(line: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (const match of line.matchAll(PIECES)) {
    if (match.index > at) pieces.push({ text: line.slice(at, match.index), kind: "plain" });
    const kind = match[1] !== undefined ? "comment" : match[2] !== undefined ? "text" : "key";
    pieces.push({ text: match[0], kind });
    at = match.index + match[0].length;
  }
  if (at < line.length) pieces.push({ text: line.slice(at), kind: "plain" });
  return pieces;
}
