// What is asked of the server, and what stands there while it is not known, or is nothing.
export { Empty, FaultNote, findingText, Loading, More } from "./notes";
export { type Asked, asking, useAsked } from "./useAsked";
export { type Page, type Rows, useAllRows, useRows } from "./useRows";
