import { useState } from "react";
import type { Finding } from "../api/designing";
import { counted } from "../text/size";
import { visible } from "../text/visible";

interface ProblemsProps {
  findings: readonly Finding[];
  isCurrent: boolean;
  onGo: (finding: Finding) => void;
}

/** What is wrong: each line leads to its box and to its line. */
export function Problems({ findings, isCurrent, onGo }: ProblemsProps) {
  const [isOpen, setOpen] = useState(true);
  const errors = findings.filter((one) => one.severity === "error").length;
  const warnings = findings.length - errors;
  const said = findings.length
    ? [errors && counted(errors, "problem"), warnings && counted(warnings, "warning")]
        .filter(Boolean)
        .join(", ")
    : isCurrent
      ? "No problems"
      : "Checking…";
  return (
    <section className="problems" aria-label="Problems">
      <button
        type="button"
        className="problems-head"
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        <span
          className="state-light"
          data-tone={errors ? "bad" : warnings ? "warn" : isCurrent ? "good" : "none"}
        >
          {said}
        </span>
      </button>
      {isOpen && findings.length > 0 && (
        <ul>
          {findings.map((one) => (
            <li key={`${one.place} ${one.rule} ${one.reason}`}>
              <button type="button" onClick={() => onGo(one)}>
                <span className="problem-place mono">{one.line}</span>
                <span>
                  {one.severity === "warning" && "warning: "}
                  {visible(one.reason)}. <span className="soft">{visible(one.remedy)}</span>
                </span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
