import type { ReactNode } from "react";
import { type Fault, saidOf } from "../api/client";
import { Button } from "../parts";
import { visible } from "../text/visible";
import "./notes.css";

/** What failed and what to do, with each finding; and a way to try again. */
export function FaultNote({ fault, again }: { fault: Fault; again?: () => void }) {
  return (
    <div className="note fault-note" data-tone="bad" role="alert">
      <div className="stack">
        <p>{visible(saidOf(fault))}</p>
        {fault.findings && fault.findings.length > 0 && (
          <ul>
            {fault.findings.map((finding) => (
              <li key={findingText(finding)}>{findingText(finding)}</li>
            ))}
          </ul>
        )}
      </div>
      {again && <Button onClick={again}>Try again</Button>}
    </div>
  );
}

/** A finding of the graph check, of which some routes tell in one line, others in parts. */
export function findingText(finding: unknown): string {
  if (typeof finding === "string") return visible(finding);
  const found = finding as { place?: string; reason?: string; remedy?: string };
  return visible([found.place, found.reason, found.remedy].filter(Boolean).join(" "));
}

interface EmptyProps {
  title: string;
  children?: ReactNode;
  actions?: ReactNode;
}

/** Nothing is there yet, and this is what to do next. */
export function Empty({ title, children, actions }: EmptyProps) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children && <div className="soft">{children}</div>}
      {actions && <div className="row">{actions}</div>}
    </div>
  );
}

export function Loading({ what = "Loading" }: { what?: string }) {
  return (
    <p className="loading soft" role="status">
      {what}…
    </p>
  );
}

interface MoreProps {
  list: { hasMore: boolean; isLoading: boolean; more: () => void };
}

/** The way to the next piece of a list. */
export function More({ list }: MoreProps) {
  if (!list.hasMore) return null;
  return (
    <div className="more">
      <Button disabled={list.isLoading} onClick={list.more}>
        {list.isLoading ? "Loading…" : "Show more"}
      </Button>
    </div>
  );
}
