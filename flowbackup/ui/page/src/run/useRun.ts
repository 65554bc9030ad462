// One run, followed until it ends: by any number of tabs, and by one that comes back later.
import { useEffect, useState } from "react";
import { api, type Fault } from "../api/client";
import { followEvents } from "../api/events";
import type { Picture } from "../live/picture";
import { NO_SERIES, type Series, withMoment } from "./series";
import { hasEnded, type RunState } from "./state";

export interface Followed {
  run: RunState | null;
  picture: Picture | null;
  series: Series;
  fault: Fault | null;
  /** The server says nothing any more, though the run has not ended as far as one knows. */
  isLost: boolean;
}

type FirstState = RunState & { picture?: Picture | null };

const NOTHING: Followed = { run: null, picture: null, series: NO_SERIES, fault: null, isLost: false };

export function useRun(session: string): Followed {
  const [followed, setFollowed] = useState<Followed & { session: string }>({ session, ...NOTHING });
  useEffect(() => {
    const stop = new AbortController();
    const path = `/api/runs/${encodeURIComponent(session)}`;
    const take = (run: RunState) =>
      setFollowed((before) => ({ ...before, run, series: withMoment(before.series, run), isLost: false }));
    const look = async () => {
      const first = await api.get<FirstState>(path, stop.signal);
      if (stop.signal.aborted) return;
      if (!first.ok) return setFollowed({ session, ...NOTHING, fault: first.fault });
      const picture = first.value.picture ?? null;
      setFollowed({ session, ...NOTHING, run: first.value, picture, series: withMoment(NO_SERIES, first.value) });
      if (hasEnded(first.value)) return;
      await followEvents<RunState>(`${path}/events`, take, stop.signal);
      if (stop.signal.aborted) return;
      // The last word, in case that the stream was broken off before it.
      const last = await api.get<FirstState>(path, stop.signal);
      if (stop.signal.aborted) return;
      if (last.ok) setFollowed((before) => ({ ...before, run: last.value, picture: last.value.picture ?? before.picture }));
      if (!last.ok || !hasEnded(last.value)) setFollowed((before) => ({ ...before, isLost: true }));
    };
    void look();
    return () => stop.abort();
  }, [session]);
  return followed.session === session ? followed : NOTHING;
}
