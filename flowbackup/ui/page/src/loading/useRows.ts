// A list of the server, piece by piece: every list has an end that is asked for.
import { useCallback, useEffect, useState } from "react";
import { api, type Fault } from "../api/client";

export interface Page<Row> {
  rows: Row[];
  next: string | null;
}

export interface Rows<Row> {
  rows: Row[];
  hasMore: boolean;
  more: () => void;
  fault: Fault | null;
  isLoading: boolean;
  again: () => void;
}

interface Known<Row> {
  path: string | null;
  rows: Row[];
  next: string | null;
  fault: Fault | null;
  isLoading: boolean;
}

const NOTHING = { rows: [], next: null, fault: null, isLoading: false };

/** As useRows, and goes on to the end by itself: a choice has no way to ask for more. */
export function useAllRows<Row>(path: string): Rows<Row> {
  const list = useRows<Row>(path);
  const { hasMore, isLoading, fault, more } = list;
  useEffect(() => {
    if (hasMore && !isLoading && !fault) more();
  }, [hasMore, isLoading, fault, more]);
  return list;
}

/** goOn: the name under which the route wants to be told where to go on. */
export function useRows<Row>(path: string | null, goOn = "after"): Rows<Row> {
  const [known, setKnown] = useState<Known<Row>>({ path: null, ...NOTHING });
  const [turn, setTurn] = useState(0);
  const again = useCallback(() => setTurn((before) => before + 1), []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: turn asks again
  useEffect(() => {
    if (path === null) return;
    const stop = new AbortController();
    void api.get<Page<Row>>(path, stop.signal).then((answer) => {
      if (stop.signal.aborted) return;
      setKnown(
        answer.ok
          ? { path, ...answer.value, fault: null, isLoading: false }
          : { path, ...NOTHING, fault: answer.fault },
      );
    });
    return () => stop.abort();
  }, [path, turn]);

  const isOwn = known.path === path;
  const next = isOwn ? known.next : null;
  const more = useCallback(() => {
    if (path === null || next === null) return;
    setKnown((before) => ({ ...before, isLoading: true }));
    const glue = path.includes("?") ? "&" : "?";
    void api.get<Page<Row>>(`${path}${glue}${goOn}=${encodeURIComponent(next)}`).then((answer) =>
      setKnown((before) => {
        if (before.path !== path || before.next !== next) return before;
        if (!answer.ok) return { ...before, fault: answer.fault, isLoading: false };
        const rows = [...before.rows, ...answer.value.rows];
        return { path, rows, next: answer.value.next, fault: null, isLoading: false };
      }),
    );
  }, [path, next, goOn]);

  return {
    rows: isOwn ? known.rows : [],
    hasMore: next !== null,
    more,
    fault: isOwn ? known.fault : null,
    isLoading: path !== null && (!isOwn || known.isLoading),
    again,
  };
}
