import { type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes, useId } from "react";

interface FieldProps {
  label: string;
  hint?: ReactNode;
  fault?: string | undefined;
  children: (ids: {
    id: string;
    "aria-describedby": string | undefined;
    "aria-invalid": boolean;
  }) => ReactNode;
}

/** A label, what it labels, and beneath it a hint or what is wrong. */
export function Field({ label, hint, fault, children }: FieldProps) {
  const id = useId();
  const said = fault || hint ? `${id}-said` : undefined;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({ id, "aria-describedby": said, "aria-invalid": Boolean(fault) })}
      {said && (
        <span id={said} className={fault ? "fault" : "hint"}>
          {fault || hint}
        </span>
      )}
    </div>
  );
}

interface TextFieldProps extends InputHTMLAttributes<HTMLInputElement> {
  label: string;
  hint?: ReactNode;
  fault?: string | undefined;
}

export function TextField({ label, hint, fault, className = "", ...rest }: TextFieldProps) {
  return (
    <Field label={label} hint={hint} fault={fault}>
      {(ids) => <input {...ids} className={`input ${className}`} {...rest} />}
    </Field>
  );
}

interface ChoiceFieldProps extends SelectHTMLAttributes<HTMLSelectElement> {
  label: string;
  hint?: ReactNode;
  fault?: string | undefined;
  choices: readonly (string | { value: string; label: string })[];
}

export function ChoiceField({ label, hint, fault, choices, ...rest }: ChoiceFieldProps) {
  return (
    <Field label={label} hint={hint} fault={fault}>
      {(ids) => (
        <select {...ids} className="input" {...rest}>
          {choices.map((choice) => {
            const { value, label: text } =
              typeof choice === "string" ? { value: choice, label: choice } : choice;
            return (
              <option key={value} value={value}>
                {text}
              </option>
            );
          })}
        </select>
      )}
    </Field>
  );
}

interface CheckFieldProps extends InputHTMLAttributes<HTMLInputElement> {
  label: ReactNode;
}

export function CheckField({ label, ...rest }: CheckFieldProps) {
  return (
    <label className="check">
      <input type="checkbox" {...rest} />
      <span>{label}</span>
    </label>
  );
}
