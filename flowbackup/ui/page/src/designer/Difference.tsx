import type { DiffLine } from "../api/designing";

const AROUND = 3;
const MARKS: Record<DiffLine["kind"], string> = { same: " ", add: "+", del: "−" };

/** Lines that change, with a few around them. */
export function Difference({ lines }: { lines: readonly DiffLine[] }) {
  const near = lines.map((_, index) =>
    lines.slice(Math.max(0, index - AROUND), index + AROUND + 1).some((one) => one.kind !== "same"),
  );
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reached by keys
    <section className="difference mono" tabIndex={0} aria-label="What changes in the file">
      {lines.map((line, index) => {
        if (near[index]) {
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: lines have no other name
            <div key={index} data-kind={line.kind}>
              <span aria-hidden="true">{MARKS[line.kind]}</span>
              {line.kind !== "same" && (
                <span className="visually-hidden">
                  {line.kind === "add" ? "added" : "deleted"}{" "}
                </span>
              )}
              {line.text || " "}
            </div>
          );
        }
        // biome-ignore lint/suspicious/noArrayIndexKey: lines have no other name
        return near[index - 1] ? <div key={index} className="difference-gap" /> : null;
      })}
    </section>
  );
}
