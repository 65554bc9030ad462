import { useState } from "react";
import { Button, Light } from "../parts";
import { Name } from "../text/Name";
import { counted } from "../text/size";
import { formatTime } from "../text/time";
import { visible } from "../text/visible";
import { byObject, type Decision, type Judged, whyKept } from "./decisions";

interface JudgementProps {
  decisions: readonly Decision[];
  calendar: string;
}

/** Each version with what keeps it, object by object. */
export function Judgement({ decisions, calendar }: JudgementProps) {
  const judged = byObject(decisions);
  const going = decisions.filter((decision) => !decision.keep).length;
  return (
    <section className="stack" aria-label="What would stay and go" aria-live="polite">
      <div className="row">
        <Light state="success">{counted(decisions.length - going, "version")} stay</Light>
        <Light state={going ? "incomplete" : "never"}>{counted(going, "version")} go</Light>
        {calendar && <span className="soft">days and hours of {calendar}</span>}
      </div>
      {judged.map((object) => (
        <ObjectJudged key={object.object} judged={object} />
      ))}
    </section>
  );
}

const SHOWN = 100;

function ObjectJudged({ judged }: { judged: Judged }) {
  const [shown, setShown] = useState(SHOWN);
  return (
    <div className="panel judged-object">
      <h3 className="spread">
        <Name text={judged.object} />
        <span className="soft">
          {judged.decisions.length - judged.going} stay, {judged.going} go
        </span>
      </h3>
      <ol>
        {judged.decisions.slice(0, shown).map((decision) => (
          <li key={decision.object_id} data-keep={decision.keep}>
            <span className="verdict">{decision.keep ? "stays" : "goes"}</span>
            <span className="numbers">@{decision.version}</span>
            <span className="nowrap">{formatTime(decision.finished_ns)}</span>
            <span className="soft">
              {visible(whyKept(decision))}
              {decision.outcome !== "success" && ` (${decision.outcome})`}
              {decision.tags?.map((tag) => (
                <span key={tag} className="tag">
                  {visible(tag)}
                </span>
              ))}
            </span>
          </li>
        ))}
      </ol>
      {judged.decisions.length > shown && (
        <Button onClick={() => setShown(shown + SHOWN)}>Show more</Button>
      )}
    </div>
  );
}
