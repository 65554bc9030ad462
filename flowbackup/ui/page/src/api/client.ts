// One way to the server. What goes wrong is a value, never an exception.
import { token } from "../shell/token";
import { sentence } from "../text/sentence";

/** kind: whose fault it is: usage, graph, ... as the server says, "network" where it did not answer,
 * "aborted" where nobody waits any more.  status: of HTTP, 0 without an answer. */
export interface Fault {
  kind: string;
  status: number;
  message: string;
  findings?: string[];
  remedy?: string;
}

export type Answer<Value> = { ok: true; value: Value } | { ok: false; fault: Fault };

interface Asked {
  body?: unknown;
  signal?: AbortSignal;
}

const refusedListeners = new Set<() => void>();

/** Calls `listener` when the server refuses the token. Returns how to stop that. */
export function onRefused(listener: () => void): () => void {
  refusedListeners.add(listener);
  return () => {
    refusedListeners.delete(listener);
  };
}

export const api = {
  get: <Value>(path: string, signal?: AbortSignal) =>
    ask<Value>("GET", path, signal ? { signal } : {}),
  post: <Value>(path: string, body: unknown = {}, signal?: AbortSignal) =>
    ask<Value>("POST", path, signal ? { body, signal } : { body }),
  put: <Value>(path: string, body: unknown) => ask<Value>("PUT", path, { body }),
  delete: <Value>(path: string) => ask<Value>("DELETE", path, {}),
};

/** A fetch with the token, for streams and downloads. */
export function fetchWithToken(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set("Authorization", `Bearer ${token()}`);
  return fetch(path, { ...init, headers, credentials: "omit", redirect: "error" });
}

/** The text of a fault for people: what failed, and what to do. */
export function saidOf(fault: Fault): string {
  const said = sentence(fault.message);
  return fault.remedy ? `${said} ${capital(fault.remedy)}` : said;
}

async function ask<Value>(method: string, path: string, asked: Asked): Promise<Answer<Value>> {
  const init: RequestInit = { method, headers: { "Content-Type": "application/json" } };
  if (asked.body !== undefined) init.body = JSON.stringify(asked.body);
  if (asked.signal) init.signal = asked.signal;
  try {
    const response = await fetchWithToken(path, init);
    const text = await response.text();
    const value: unknown = text ? JSON.parse(text) : null;
    if (response.ok) return { ok: true, value: value as Value };
    if (response.status === 401) for (const listener of refusedListeners) listener();
    return { ok: false, fault: faultOf(response.status, value) };
  } catch (failure) {
    if (failure instanceof DOMException && failure.name === "AbortError") {
      return { ok: false, fault: { kind: "aborted", status: 0, message: "nobody waits for it" } };
    }
    return { ok: false, fault: UNREACHED };
  }
}

const UNREACHED: Fault = {
  kind: "network",
  status: 0,
  message: "The server does not answer",
  remedy: "Look whether flowbackup ui still runs.",
};

function faultOf(status: number, value: unknown): Fault {
  const said = (value as { error?: Partial<Fault> } | null)?.error;
  return { kind: "unknown", message: `The server answered ${status}`, ...said, status };
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
