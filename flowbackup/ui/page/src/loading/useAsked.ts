// A value of the server, as long as a screen shows it.
import { useCallback, useEffect, useState } from "react";
import { api, type Fault } from "../api/client";

export interface Asked<Value> {
  value: Value | null;
  fault: Fault | null;
  isLoading: boolean;
  again: () => void;
}

interface Known<Value> {
  path: string | null;
  value: Value | null;
  fault: Fault | null;
}

/** path: null asks nothing.  everySeconds: asks again and again while the page is looked at.  What
 * was known of the same path stays until the new answer is there. */
export function useAsked<Value>(path: string | null, everySeconds = 0): Asked<Value> {
  const [turn, setTurn] = useState(0);
  const [known, setKnown] = useState<Known<Value>>({ path: null, value: null, fault: null });
  const [answered, setAnswered] = useState(-1);
  const again = useCallback(() => setTurn((before) => before + 1), []);

  useEffect(() => {
    if (path === null) return;
    const stop = new AbortController();
    void api.get<Value>(path, stop.signal).then((answer) => {
      if (stop.signal.aborted) return;
      setKnown((before) => ({
        path,
        value: answer.ok ? answer.value : before.path === path ? before.value : null,
        fault: answer.ok ? null : answer.fault,
      }));
      setAnswered(turn);
    });
    return () => stop.abort();
  }, [path, turn]);

  useEffect(() => {
    if (!everySeconds || path === null) return;
    const timer = setInterval(() => document.hidden || again(), everySeconds * 1000);
    return () => clearInterval(timer);
  }, [everySeconds, path, again]);

  const isOwn = known.path === path;
  return {
    value: isOwn ? known.value : null,
    fault: isOwn ? known.fault : null,
    isLoading: path !== null && (!isOwn || answered !== turn),
    again,
  };
}

/** "/api/ls?version=…": only what was given. */
export function asking(
  path: string,
  given: Record<string, string | number | null | undefined>,
): string {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(given)) {
    if (value !== null && value !== undefined && value !== "") words.set(name, String(value));
  }
  const query = words.toString();
  return query ? `${path}?${query}` : path;
}
