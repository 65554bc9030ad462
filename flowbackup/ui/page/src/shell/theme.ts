// Light or dark: as the system says, unless the user has said otherwise.
import { useSyncExternalStore } from "react";

export type Theme = "light" | "dark";

const KEPT_AS = "flowbackup-theme";
const system = () => matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

function chosen(): Theme | null {
  const kept = localStorage.getItem(KEPT_AS);
  return kept === "light" || kept === "dark" ? kept : null;
}

export function theme(): Theme {
  return chosen() ?? (system().matches ? "dark" : "light");
}

function show(): void {
  document.documentElement.dataset.theme = theme();
  for (const listener of listeners) listener();
}

export function beginTheme(): void {
  show();
  system().addEventListener("change", show);
}

export function switchTheme(): void {
  localStorage.setItem(KEPT_AS, theme() === "dark" ? "light" : "dark");
  show();
}

export function useTheme(): Theme {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, theme);
}
