import { useId, useState } from "react";
import { type Coupling, parseCoupling } from "../../model/endpoint";
import type { Verdict } from "../../model/legality";
import { Button } from "../../parts";

interface NewCouplingProps {
  /** Asks whether it is legal, and makes it if it is. */
  onCouple: (coupling: Coupling) => Promise<Verdict>;
  offered: readonly string[];
}

/** A coupling as one line of text: primary.nas[0:4] -> offsite.usb[0:4]. */
export function NewCoupling({ onCouple, offered }: NewCouplingProps) {
  const [written, setWritten] = useState("");
  const [fault, setFault] = useState("");
  const said = useId();
  const couple = async () => {
    const ends = parseCoupling(written);
    if (!ends) {
      setFault("Write source -> target, as in primary.nas[0:4] -> offsite.usb[0:4].");
      return;
    }
    const verdict = await onCouple(ends);
    setFault(verdict.legal ? "" : `Not coupled: ${verdict.reason}`);
    if (verdict.legal) setWritten("");
  };
  return (
    <div className="new-coupling">
      <input
        className="input"
        aria-label="New coupling"
        aria-describedby={said}
        aria-invalid={Boolean(fault)}
        placeholder="primary.nas[0:4] -> offsite.usb[0:4]"
        value={written}
        list={`${said}-offered`}
        spellCheck={false}
        autoComplete="off"
        onChange={(event) => setWritten(event.target.value)}
        onKeyDown={(event) => event.key === "Enter" && void couple()}
      />
      <datalist id={`${said}-offered`}>
        {offered.map((one) => (
          <option key={one} value={`${one} -> `} />
        ))}
      </datalist>
      <Button onClick={() => void couple()}>Couple</Button>
      <span id={said} className="fault" role="alert">
        {fault}
      </span>
    </div>
  );
}
