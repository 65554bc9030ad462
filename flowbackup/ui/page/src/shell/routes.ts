// Where the user is: the hash of the address, so that a reload and a link come back to the place.
import { useSyncExternalStore } from "react";

export const SCREENS = [
  { name: "home", title: "Home" },
  { name: "design", title: "Design" },
  { name: "plan", title: "Plan" },
  { name: "run", title: "Run" },
  { name: "catalog", title: "Catalog" },
  { name: "restore", title: "Restore" },
  { name: "devices", title: "Devices" },
  { name: "retention", title: "Retention" },
  { name: "sessions", title: "Sessions" },
] as const;

export type ScreenName = (typeof SCREENS)[number]["name"];

/** screen: which one.  rest: what it shows, decoded: a graph, a session, "" for none.  query: what
 * stands behind a question mark. */
export interface Route {
  screen: ScreenName;
  rest: string;
  query: URLSearchParams;
}

export function routeOf(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [first = "", ...others] = path.split("/");
  const screen = SCREENS.find((one) => one.name === first)?.name ?? "home";
  return { screen, rest: others.map(decoded).join("/"), query: new URLSearchParams(query) };
}

/** The hash of a place, as for an href. */
export function hashOf(screen: ScreenName, rest = "", query?: Record<string, string>): string {
  const path = screen === "home" ? "#/" : `#/${screen}`;
  const behind = rest ? `/${encodeURIComponent(rest)}` : "";
  const asked = query ? `?${new URLSearchParams(query)}` : "";
  return `${path}${behind}${asked}`;
}

export function go(screen: ScreenName, rest = "", query?: Record<string, string>): void {
  location.hash = hashOf(screen, rest, query);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

let known = { hash: "", route: routeOf("") };

function current(): Route {
  if (known.hash !== location.hash) known = { hash: location.hash, route: routeOf(location.hash) };
  return known.route;
}

function listen(listener: () => void): () => void {
  addEventListener("hashchange", listener);
  return () => removeEventListener("hashchange", listener);
}

export function useRoute(): Route {
  return useSyncExternalStore(listen, current);
}
