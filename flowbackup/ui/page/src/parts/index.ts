// The page's own small set of parts.
export { Button } from "./Button";
export { Dialog } from "./Dialog";
export { CheckField, ChoiceField, Field, TextField } from "./Field";
export { Light, type Tone } from "./Light";
export { type Column, Table } from "./Table";
export { Tabs } from "./Tabs";
export { Toasts, useSay } from "./Toast";
