// Whether something that was asked for is still being done: boxes are arranged, a coupling is tried.
import { useCallback, useState } from "react";

export function useWorking() {
  const [works, setWorks] = useState(0);
  const during = useCallback(async <T>(work: Promise<T>): Promise<T> => {
    setWorks((now) => now + 1);
    try {
      return await work;
    } finally {
      setWorks((now) => now - 1);
    }
  }, []);
  return { isWorking: works > 0, during };
}
