import { useState } from "react";
import { Button, Dialog, TextField } from "../parts";
import { keepToken } from "./token";

/** The server does not know this tab: another start of it has another token. */
export function TokenDialog() {
  const [written, setWritten] = useState("");
  const enter = () => {
    keepToken(written);
    location.reload();
  };
  return (
    <Dialog
      title="Who are you?"
      onClose={() => location.reload()}
      actions={
        <Button kind="primary" disabled={!written.trim()} onClick={enter}>
          Go on
        </Button>
      }
    >
      <p>
        The server asks for its token. Open the address that <code>flowbackup ui</code> printed, or
        paste it here.
      </p>
      <TextField
        label="Address or token"
        value={written}
        autoComplete="off"
        onChange={(event) => setWritten(event.target.value)}
        onKeyDown={(event) => event.key === "Enter" && written.trim() && enter()}
      />
    </Dialog>
  );
}
