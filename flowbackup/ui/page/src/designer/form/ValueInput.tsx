import { type KeyboardEvent, useEffect, useId, useState } from "react";
import { type FieldInfo, readValue, shownValue } from "../../model/fields";

interface ValueInputProps {
  field: FieldInfo;
  value: unknown;
  offered: readonly string[];
  onChange: (value: unknown) => void;
  /** Ids and states of a Field around it, or what a table cell says of itself. */
  id?: string;
  "aria-label"?: string;
  "aria-describedby"?: string | undefined;
  "aria-invalid"?: boolean;
}

/** One value of the graph. It is written when it is left or Enter is pressed; Escape takes it back. */
export function ValueInput({ field, value, offered, onChange, ...ids }: ValueInputProps) {
  const list = useId();
  const shown = shownValue(value);
  const [written, setWritten] = useState(shown);
  useEffect(() => setWritten(shown), [shown]);
  const commit = (text: string) => {
    if (text.trim() === shown) return;
    const read = readValue(field, text);
    if (read === undefined && isNeeded(field)) setWritten(shown);
    else onChange(read);
  };

  if (field.kind === "flag") {
    const isOn = value === true;
    const flip = () => onChange(isOn ? undefined : true);
    return <input {...ids} type="checkbox" className="flag" checked={isOn} onChange={flip} />;
  }
  if (field.kind === "choice") {
    const values = field.values ?? [];
    return (
      <select
        {...ids}
        className="input"
        value={shown || values[0]}
        onChange={(event) => onChange(readValue(field, event.target.value))}
      >
        {values.map((one) => (
          <option key={one} value={one}>
            {one || "as the target says"}
          </option>
        ))}
      </select>
    );
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter") commit(written);
    if (event.key !== "Escape" || written === shown) return;
    event.stopPropagation();
    setWritten(shown);
  };
  return (
    <>
      <input
        {...ids}
        className="input"
        type="text"
        inputMode={field.kind === "number" ? "numeric" : undefined}
        list={offered.length ? list : undefined}
        value={written}
        placeholder={field.placeholder}
        spellCheck={false}
        autoComplete="off"
        onChange={(event) => setWritten(event.target.value)}
        onBlur={() => commit(written)}
        onKeyDown={onKeyDown}
      />
      {offered.length > 0 && (
        <datalist id={list}>
          {offered.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
      )}
    </>
  );
}

// Without these a part cannot be written at all.
function isNeeded(field: FieldInfo): boolean {
  return field.key === "devices" || field.key === "from" || field.key === "to";
}
