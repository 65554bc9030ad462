import { Button, ChoiceField, TextField } from "../parts";
import { visible } from "../text/visible";
import { ALL_OBJECTS, type Condition, faultOf, type What, WORDS } from "./asked";
import type { Loaded } from "./useGraph";

interface ConditionsProps {
  rows: readonly Condition[];
  onChange: (rows: Condition[]) => void;
  graphs: readonly Loaded[];
}

const WHATS: What[] = ["rate", "size", "fail", "lost", "room"];

/** "usb is as fast as 80MB/s", "nas dies at 600s": a row for each. */
export function Conditions({ rows, onChange, graphs }: ConditionsProps) {
  const change = (place: number, part: Partial<Condition>) =>
    onChange(rows.map((row, at) => (at === place ? { ...row, ...part } : row)));
  const add = (what: What) =>
    onChange([...rows, { what, name: namesFor(what, graphs)[0] ?? "", value: "", at: "" }]);
  return (
    <div className="conditions">
      {rows.length === 0 && (
        <p className="soft">
          Without more, declared rates hold and each object has 100 GiB. Say what is otherwise:
        </p>
      )}
      {rows.map((row, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rows have no other identity
        <fieldset className="condition" key={place} aria-label={`Condition ${place + 1}`}>
          <Row
            row={row}
            names={namesFor(row.what, graphs)}
            onChange={(part) => change(place, part)}
          />
          <Button
            kind="quiet"
            aria-label={`Remove condition ${place + 1}`}
            onClick={() => onChange(rows.filter((_, at) => at !== place))}
          >
            ✕
          </Button>
        </fieldset>
      ))}
      <div className="row">
        {WHATS.map((what) => (
          <Button key={what} onClick={() => add(what)}>
            + {ADDS[what]}
          </Button>
        ))}
      </div>
    </div>
  );
}

const ADDS: Record<What, string> = {
  rate: "a rate",
  size: "a size",
  fail: "a failure",
  lost: "a loss",
  room: "a full device",
};

function Row({
  row,
  names,
  onChange,
}: {
  row: Condition;
  names: string[];
  onChange: (part: Partial<Condition>) => void;
}) {
  const words = WORDS[row.what];
  const isTime = row.what === "fail" || row.what === "lost";
  const isEmpty = isTime ? row.at === "" : row.value === "";
  const fault = isEmpty ? undefined : faultOf(row) || undefined;
  return (
    <>
      <ChoiceField
        label={row.what === "lost" ? "What is lost if" : "If"}
        value={row.name}
        onChange={(event) => onChange({ name: event.target.value })}
        choices={names.map((name) => ({ value: name, label: visible(name) }))}
      />
      {words.value && (
        <TextField
          label={words.title}
          placeholder={words.sample}
          value={row.value}
          fault={fault}
          onChange={(event) => onChange({ value: event.target.value })}
        />
      )}
      {words.at && (
        <TextField
          label={isTime ? "dies at" : words.at}
          placeholder={isTime ? words.sample : "any time"}
          value={row.at}
          fault={isTime ? fault : undefined}
          onChange={(event) => onChange({ at: event.target.value })}
        />
      )}
    </>
  );
}

function namesFor(what: What, graphs: readonly Loaded[]): string[] {
  const all = (pick: (graph: Loaded) => string[]) => [...new Set(graphs.flatMap(pick))];
  const devices = all((graph) => graph.devices);
  if (what === "size") return [ALL_OBJECTS, ...all((graph) => graph.objects)];
  if (what === "rate") return [...devices, ...all((graph) => graph.clients)];
  if (what === "fail") return [...devices, ...all((graph) => graph.nodes)];
  return devices;
}
