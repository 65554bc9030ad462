// The token comes in the hash of the printed address, and must not stay where it can be seen.
const KEPT_AS = "flowbackup-token";

/** Moves a token from the address to this tab's storage. */
export function takeToken(): void {
  const found = /^#token=([\w.~-]+)$/.exec(location.hash);
  if (!found?.[1]) return;
  sessionStorage.setItem(KEPT_AS, found[1]);
  history.replaceState(null, "", `${location.pathname}#/`);
}

export function token(): string {
  return sessionStorage.getItem(KEPT_AS) ?? "";
}

export function keepToken(written: string): void {
  sessionStorage.setItem(KEPT_AS, written.trim().replace(/^.*#token=/, ""));
}
