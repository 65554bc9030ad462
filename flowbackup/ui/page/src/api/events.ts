// Server-sent events over fetch, because an EventSource cannot carry the token.
import { fetchWithToken } from "./client";

export interface EventsEnd {
  /** closed: the server said all.  refused: it will not say.  stopped: this side went away. */
  why: "closed" | "refused" | "stopped";
  status: number;
}

const RETRY_MILLISECONDS = 1500;
const RETRIES_MAX = 40;

/** Calls `onEvent` with each event's data, read as JSON, until the server ends or `signal` aborts.
 * A connection that breaks is made again: events are last values, so that nothing is missed. */
export async function followEvents<Value>(
  path: string,
  onEvent: (value: Value) => void,
  signal: AbortSignal,
): Promise<EventsEnd> {
  for (let failures = 0; failures < RETRIES_MAX && !signal.aborted; failures += 1) {
    try {
      const response = await fetchWithToken(path, {
        signal,
        headers: { Accept: "text/event-stream" },
      });
      if (!response.ok || !response.body) return { why: "refused", status: response.status };
      await readEvents(response.body, (data) => {
        failures = 0;
        onEvent(JSON.parse(data) as Value);
      });
      return { why: "closed", status: response.status };
    } catch {
      if (!signal.aborted) await pause(RETRY_MILLISECONDS, signal);
    }
  }
  return { why: signal.aborted ? "stopped" : "refused", status: 0 };
}

/** Calls `onData` with the data of each event of the stream. */
export async function readEvents(
  body: ReadableStream<Uint8Array>,
  onData: (data: string) => void,
): Promise<void> {
  const reader = body.pipeThrough(new TextDecoderStream() as never).getReader();
  const parse = eventParser(onData);
  for (;;) {
    const { done, value } = (await reader.read()) as { done: boolean; value?: string };
    if (done) return;
    parse(value ?? "");
  }
}

/** A function that takes pieces of a stream, cut anywhere, and gives whole events. */
export function eventParser(onData: (data: string) => void): (piece: string) => void {
  let held = "";
  let data: string[] = [];
  return (piece) => {
    held += piece;
    const lines = held.split(/\r\n|\n|\r(?!$)/);
    held = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "" && data.length) {
        onData(data.join("\n"));
        data = [];
      } else if (line.startsWith("data:")) {
        data.push(line.slice(5).replace(/^ /, ""));
      }
    }
  };
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
