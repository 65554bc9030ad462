import { useEffect, useState } from "react";
import { Button } from "./Button";
import "./facts.css";

const SAID_MILLISECONDS = 2500;

/** A line to take along, and a button that does so. */
export function CopyText({ label, text }: { label: string; text: string }) {
  const [said, setSaid] = useState("");
  useEffect(() => {
    if (!said) return;
    const timer = setTimeout(() => setSaid(""), SAID_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid("Copied");
    } catch {
      setSaid("Mark it and copy it by hand");
    }
  };
  return (
    <div className="copy-text">
      <code>{text}</code>
      <Button onClick={copy} aria-label={`Copy ${label}`}>
        {said || "Copy"}
      </Button>
      <span className="visually-hidden" role="status">
        {said}
      </span>
    </div>
  );
}
