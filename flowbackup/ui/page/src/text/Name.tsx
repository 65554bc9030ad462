import { visiblePieces } from "./visible";

/** A name from outside, as text, with what would be hidden in it written out. */
export function Name({ text, className = "" }: { text: string; className?: string }) {
  return (
    <bdi className={`name ${className}`} dir="ltr">
      {visiblePieces(text).map((piece, place) =>
        piece.isEscape ? (
          // biome-ignore lint/suspicious/noArrayIndexKey: pieces have no other identity
          <span key={place} className="escape">
            {piece.text}
          </span>
        ) : (
          piece.text
        ),
      )}
    </bdi>
  );
}
