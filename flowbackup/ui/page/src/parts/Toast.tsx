import { createContext, type ReactNode, useCallback, useContext, useMemo, useState } from "react";
import { Button } from "./Button";

type ToastTone = "good" | "bad" | "none";
type Say = (text: string, tone?: ToastTone) => void;

interface Said {
  id: number;
  text: string;
  tone: ToastTone;
}

const TOASTS_MAX = 3;
// Long enough to read two sentences. What is bad stays until it is sent away.
const SHOWN_MILLISECONDS = 8000;

const Saying = createContext<Say>(() => undefined);

/** Says something in passing: `const say = useSay(); say("Saved.", "good")`. */
export function useSay(): Say {
  return useContext(Saying);
}

let next = 0;

export function Toasts({ children }: { children: ReactNode }) {
  const [all, setAll] = useState<readonly Said[]>([]);
  const drop = useCallback((id: number) => setAll((now) => now.filter((one) => one.id !== id)), []);
  const say = useMemo<Say>(
    () =>
      (text, tone = "none") => {
        next += 1;
        const id = next;
        setAll((now) => [...now, { id, text, tone }].slice(-TOASTS_MAX));
        if (tone !== "bad") setTimeout(() => drop(id), SHOWN_MILLISECONDS);
      },
    [drop],
  );
  return (
    <Saying.Provider value={say}>
      {children}
      <div className="toasts" role="status" aria-live="polite">
        {all.map((one) => (
          <div key={one.id} className="toast" data-tone={one.tone}>
            <p>{one.text}</p>
            <Button kind="quiet" aria-label="Dismiss" onClick={() => drop(one.id)}>
              ✕
            </Button>
          </div>
        ))}
      </div>
    </Saying.Provider>
  );
}
