import { useState } from "react";
import { Button } from "../parts";
import { Name } from "../text/Name";
import { counted } from "../text/size";
import { visible } from "../text/visible";
import { type ProblemRow, problemCounts } from "./report";

const PROBLEMS_SHOWN = 20;

/** What went wrong: by kind, then one by one. */
export function Problems({ problems }: { problems: readonly ProblemRow[] }) {
  const [shown, setShown] = useState(PROBLEMS_SHOWN);
  if (problems.length === 0) return null;
  const kinds = problemCounts(problems).map(([kind, count]) => `${count} ${kind}`);
  return (
    <section className="panel stack problems" aria-label="Problems">
      <h2>
        {counted(problems.length, "problem")} <span className="soft">{kinds.join(", ")}</span>
      </h2>
      <ul>
        {problems.slice(0, shown).map((problem, place) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: two problems may be told in the same words
          <li key={place}>
            <strong>{problem.kind}</strong>{" "}
            {(problem.path ?? problem.device) !== undefined && (
              <Name className="mono" text={problem.path || problem.device || "."} />
            )}
            <span className="soft"> {visible(problem.text)}</span>
          </li>
        ))}
      </ul>
      {problems.length > shown && <Button onClick={() => setShown(shown + 200)}>Show more</Button>}
    </section>
  );
}
