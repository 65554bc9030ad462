// One run, followed until it ends: by any number of tabs, and by one that comes back later.
import { useEffect, useState } from "react";
import { api, type Fault } from "../api/client";
import { followEvents } from "../api/events";
import { NO_SERIES, type Series, withMoment } from "./series";
import { hasEnded, type RunState } from "./state";
import { runOf, type ToldEvent, type ToldState, withEvent } from "./told";

export interface Followed {
  run: RunState | null;
  series: Series;
  fault: Fault | null;
  /** The server says nothing any more, though the run has not ended as far as one knows. */
  isLost: boolean;
}

interface Known extends Followed {
  id: string;
  told: ToldState | null;
}

const NOTHING: Followed = { run: null, series: NO_SERIES, fault: null, isLost: false };

export function useRun(id: string): Followed {
  const [known, setKnown] = useState<Known>({ id, told: null, ...NOTHING });
  useEffect(() => {
    const stop = new AbortController();
    const path = `/api/runs/${encodeURIComponent(id)}`;
    const take = (told: ToldState) => setKnown((before) => moved(before, id, told));
    const ask = async (): Promise<ToldState | Fault | null> => {
      const answer = await api.get<ToldState>(path, stop.signal);
      if (stop.signal.aborted) return null;
      if (!answer.ok) return answer.fault;
      take(answer.value);
      return answer.value;
    };
    const follow = async () => {
      const first = await ask();
      if (first === null) return;
      if ("message" in first) return setKnown({ id, told: null, ...NOTHING, fault: first });
      let state = first;
      if (state.state !== "running") return;
      await followEvents<ToldEvent>(
        `${path}/events`,
        (event) => {
          const isNews = event.problems_total !== state.problems_total;
          state = withEvent(state, event);
          take(state);
          // An event tells how many problems there are, and not which.
          if (isNews && event.state === "running")
            void ask().then((now) => {
              if (isState(now)) state = now;
            });
        },
        stop.signal,
      );
      const last = await ask();
      if (last === null) return;
      if (!isState(last) || last.state === "running")
        setKnown((before) => ({ ...before, isLost: true }));
    };
    void follow();
    return () => stop.abort();
  }, [id]);
  return known.id === id ? known : NOTHING;
}

function isState(answer: ToldState | Fault | null): answer is ToldState {
  return answer !== null && "id" in answer;
}

function moved(before: Known, id: string, told: ToldState): Known {
  const run = runOf(told, Date.now());
  const series = before.id === id ? before.series : NO_SERIES;
  return {
    id,
    told,
    run,
    series: hasEnded(run) ? series : withMoment(series, run),
    fault: null,
    isLost: false,
  };
}
