// Which way a picture is drawn: downwards where the page is narrow.
import { useSyncExternalStore } from "react";
import type { Direction } from "./places";

const narrow = () => matchMedia("(max-width: 760px)");

function listen(listener: () => void): () => void {
  const query = narrow();
  query.addEventListener("change", listener);
  return () => query.removeEventListener("change", listener);
}

export function useDirection(): Direction {
  return useSyncExternalStore(listen, () => (narrow().matches ? "down" : "right"));
}
