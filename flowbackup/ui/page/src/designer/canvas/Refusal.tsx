import { useEffect } from "react";
import { sentence } from "../../text/sentence";

export interface Refused {
  x: number;
  y: number;
  text: string;
}

const WIDTH = 300;

/** Why a coupling was not made, at the place where it was dropped. */
export function Refusal({ refused, onClose }: { refused: Refused; onClose: () => void }) {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => event.key === "Escape" && onClose();
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [onClose]);
  const left = Math.max(8, Math.min(refused.x - WIDTH / 2, innerWidth - WIDTH - 8));
  const top = Math.min(refused.y + 14, innerHeight - 120);
  return (
    <div className="refusal" role="alert" style={{ left, top, width: WIDTH }}>
      <strong>Not coupled</strong>
      <span>{sentence(refused.text)}</span>
    </div>
  );
}
