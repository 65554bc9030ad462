import { Problems } from "../sessions/Problems";
import { visible } from "../text/visible";
import type { RunState } from "./state";

/** What it has said until now. */
export function Messages({ run }: { run: RunState }) {
  return (
    <>
      <Problems problems={run.problems} />
      {run.messages.length > 0 && (
        <section className="panel stack" aria-label="Messages">
          <h2>Messages</h2>
          <ul className="messages">
            {run.messages.map((message, place) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: two messages may be the same
              <li key={place}>{visible(message)}</li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}
