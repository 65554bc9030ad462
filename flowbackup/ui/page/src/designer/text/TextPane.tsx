// The text of the graph: a plain text area, which every keyboard and reader knows, over a coloured
// copy of itself, with the numbers of its lines.
import { type KeyboardEvent, memo, useEffect, useRef } from "react";
import type { Finding } from "../../api/designing";
import { piecesOf } from "./highlight";
import "./text.css";

interface TextPaneProps {
  text: string;
  /** While an edit of the canvas is being written into it. */
  isReadOnly: boolean;
  findings: readonly Finding[];
  /** Goes to this line when `turn` changes. */
  line: { number: number; column: number; turn: number };
  onEdit: (text: string) => void;
}

// Beyond it the coloured copy would be slower than typing.
const COLOURED_LINES_MAX = 3000;

export function TextPane({ text, isReadOnly, findings, line, onEdit }: TextPaneProps) {
  const area = useRef<HTMLTextAreaElement>(null);
  const behind = useRef<HTMLDivElement>(null);
  const lines = text.split("\n");
  const follow = () => {
    if (!area.current || !behind.current) return;
    behind.current.style.transform = `translate(${-area.current.scrollLeft}px, ${-area.current.scrollTop}px)`;
    behind.current.parentElement?.style.setProperty("--scrolled", `${-area.current.scrollTop}px`);
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: only when a line is asked for
  useEffect(() => {
    if (!line.turn || !area.current) return;
    const start = lines.slice(0, line.number - 1).reduce((sum, one) => sum + one.length + 1, 0);
    const end = start + (lines[line.number - 1]?.length ?? 0);
    area.current.focus();
    area.current.setSelectionRange(start + Math.max(0, line.column - 1), end);
    const height = area.current.scrollHeight / Math.max(1, lines.length);
    area.current.scrollTop = Math.max(0, (line.number - 4) * height);
    follow();
  }, [line.turn]);

  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    // Tab leaves the text, as everywhere on the page; a new line begins as far in as the last one.
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey || event.nativeEvent.isComposing) {
      return;
    }
    const { selectionStart: from, selectionEnd: to } = event.currentTarget;
    const before = text.slice(0, from);
    const indent = /^ */.exec(before.slice(before.lastIndexOf("\n") + 1))?.[0] ?? "";
    if (!indent) return;
    event.preventDefault();
    const at = from + 1 + indent.length;
    onEdit(`${before}\n${indent}${text.slice(to)}`);
    requestAnimationFrame(() => area.current?.setSelectionRange(at, at));
  };

  const faults = new Map(findings.map((one) => [one.line, one.severity]));
  return (
    <div className="text-pane">
      <div className="text-gutter" aria-hidden="true">
        <div className="text-numbers">
          {lines.map((_, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: lines are known by their numbers
            <span key={index} data-severity={faults.get(index + 1)}>
              {index + 1}
            </span>
          ))}
        </div>
      </div>
      <div className="text-body">
        <div className="text-colours" aria-hidden="true" ref={behind}>
          {lines.length <= COLOURED_LINES_MAX &&
            lines.map((one, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: lines are known by their numbers
              <ColouredLine key={index} line={one} severity={faults.get(index + 1)} />
            ))}
        </div>
        <textarea
          ref={area}
          aria-label="Text of the graph"
          className={lines.length <= COLOURED_LINES_MAX ? "over" : ""}
          value={text}
          readOnly={isReadOnly}
          spellCheck={false}
          autoCapitalize="off"
          autoComplete="off"
          wrap="off"
          onChange={(event) => onEdit(event.target.value)}
          onKeyDown={onKeyDown}
          onScroll={follow}
        />
      </div>
    </div>
  );
}

const ColouredLine = memo(function ColouredLine({
  line,
  severity,
}: {
  line: string;
  severity: string | undefined;
}) {
  return (
    <div className="text-line" data-severity={severity}>
      {piecesOf(line).map((piece, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: pieces have no other name
        <span key={index} data-kind={piece.kind}>
          {piece.text}
        </span>
      ))}
      {line === "" && "\u200b"}
    </div>
  );
});
