import { useEffect, useState } from "react";
import { faultOfName } from "../../model/names";

interface NameInputProps {
  name: string;
  taken: readonly string[];
  dotted: boolean;
  onRename: (name: string) => void;
  onFault?: (fault: string) => void;
  id?: string;
  "aria-label"?: string;
  "aria-describedby"?: string | undefined;
}

/** The name of a part: what names it elsewhere is renamed with it. */
export function NameInput({ name, taken, dotted, onRename, onFault, ...ids }: NameInputProps) {
  const [written, setWritten] = useState(name);
  useEffect(() => setWritten(name), [name]);
  const others = taken.filter((other) => other !== name);
  const fault = written === name ? "" : faultOfName(written, dotted, others);
  useEffect(() => onFault?.(fault), [fault, onFault]);
  const commit = () => {
    if (fault) setWritten(name);
    else if (written !== name) onRename(written);
  };
  return (
    <input
      {...ids}
      className="input"
      data-name={name}
      value={written}
      aria-invalid={Boolean(fault)}
      title={fault || undefined}
      spellCheck={false}
      autoComplete="off"
      onChange={(event) => setWritten(event.target.value)}
      onBlur={commit}
      onKeyDown={(event) => {
        if (event.key === "Enter" && !fault) commit();
        if (event.key !== "Escape" || written === name) return;
        event.stopPropagation();
        setWritten(name);
      }}
    />
  );
}
