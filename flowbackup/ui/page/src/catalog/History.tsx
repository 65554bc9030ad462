import { type FormEvent, useState } from "react";
import { Empty } from "../loading";
import { Button, TextField } from "../parts";
import { Timeline } from "./Timeline";

/** A file through time. */
export function History({ place, onAsk }: { place: string; onAsk: (place: string) => void }) {
  const [written, setWritten] = useState(place);
  const ask = (event: FormEvent) => {
    event.preventDefault();
    onAsk(written.trim());
  };
  return (
    <>
      <form className="asking" onSubmit={ask}>
        <TextField
          label="Path"
          placeholder="/srv/www/index.html"
          value={written}
          onChange={(event) => setWritten(event.target.value)}
          hint="As it was backed up, or inside an object, as in web/site:index.html."
        />
        <Button kind="primary" type="submit" disabled={!written.trim()}>
          Look
        </Button>
      </form>
      {place ? (
        <div className="panel">
          <Timeline place={place} />
        </div>
      ) : (
        <Empty title="Which file?">
          Every state of it is listed, with the versions that have it so.
        </Empty>
      )}
    </>
  );
}
