import { TextField } from "../parts";
import { type Form, PERIODS, type Period } from "./policy";

interface KeepFormProps {
  form: Form;
  faults: Record<string, string>;
  onChange: (form: Form) => void;
}

const OF_EACH: Record<Period, string> = {
  hourly: "hours",
  daily: "days",
  weekly: "weeks",
  monthly: "months",
  quarterly: "quarters",
  yearly: "years",
};

/** The rules, as numbers to be changed. */
export function KeepForm({ form, faults, onChange }: KeepFormProps) {
  const count = (period: Period, value: string) =>
    onChange({ ...form, counts: { ...form.counts, [period]: value } });
  return (
    <>
      <TextField
        label="The newest"
        inputMode="numeric"
        placeholder="none"
        value={form.last}
        fault={faults.last}
        onChange={(event) => onChange({ ...form, last: event.target.value })}
      />
      <fieldset className="periods">
        <legend>The newest of each of so many</legend>
        {PERIODS.map((period) => (
          <TextField
            key={period}
            label={OF_EACH[period]}
            inputMode="numeric"
            placeholder="none"
            value={form.counts[period]}
            fault={faults[period]}
            onChange={(event) => count(period, event.target.value)}
          />
        ))}
      </fieldset>
      <TextField
        label="All that are not older than"
        placeholder="30d"
        value={form.within}
        fault={faults.within}
        onChange={(event) => onChange({ ...form, within: event.target.value })}
      />
      <TextField
        label="All with one of these tags"
        placeholder="gold, legal"
        value={form.tags}
        onChange={(event) => onChange({ ...form, tags: event.target.value })}
      />
      <TextField
        label="Durable copies that a version needs to count"
        inputMode="numeric"
        value={form.copies}
        fault={faults.copies}
        onChange={(event) => onChange({ ...form, copies: event.target.value })}
        hint="What has fewer stays, and takes nobody's place."
      />
    </>
  );
}
