import { type ReactNode, useState } from "react";
import { api, type Fault } from "../api/client";
import { FaultNote } from "../loading";
import { agentsOf, groupsOf, type Role, type Spec } from "../model/spec";
import { Button, CheckField, ChoiceField, Dialog, TextField, useSay } from "../parts";
import { visible } from "../text/visible";
import { rateOf } from "./pace";
import type { RunState } from "./state";

interface ChangeProps {
  run: RunState;
  onClose: () => void;
}

interface DrawnProps extends ChangeProps {
  spec: Spec | null;
}

/** The agents of these roles, and the mirrors that were attached while it runs; of a graph that is
 * not known, those that the run tells of. */
function agentNames({ run, spec }: DrawnProps, ...roles: Role[]): string[] {
  const told = run.edges.filter((edge) => edge.level > 0).map((edge) => edge.target || edge.name);
  const drawn = (spec ? groupsOf(spec) : []).flatMap(({ name, role, group }) =>
    agentsOf(group).map((device) => ({ role, name: `${name}.${device}` })),
  );
  const asked = drawn.filter(({ role }) => roles.includes(role)).map(({ name }) => name);
  return [...asked, ...told.filter((name) => !drawn.some((one) => one.name === name))];
}

/** Tells the run something, and says what came of it. */
function useChange(run: RunState, onClose: () => void) {
  const say = useSay();
  const [fault, setFault] = useState<Fault | null>(null);
  const [isBusy, setBusy] = useState(false);
  const tell = async (verb: string, body: unknown, done: string) => {
    setBusy(true);
    setFault(null);
    const path = `/api/runs/${encodeURIComponent(run.id)}/${verb}`;
    const answer = await api.post<unknown>(path, body);
    setBusy(false);
    if (!answer.ok) return setFault(answer.fault);
    say(done, "good");
    onClose();
  };
  return { fault, isBusy, tell };
}

interface FrameProps {
  title: string;
  onClose: () => void;
  fault: Fault | null;
  children: ReactNode;
  action: ReactNode;
}

function ChangeDialog({ title, onClose, fault, children, action }: FrameProps) {
  return (
    <Dialog
      title={title}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Leave it as it is</Button>
          {action}
        </>
      }
    >
      {children}
      {fault && <FaultNote fault={fault} />}
    </Dialog>
  );
}

export function CancelDialog({ run, onClose }: ChangeProps) {
  const [now, setNow] = useState(false);
  const { fault, isBusy, tell } = useChange(run, onClose);
  return (
    <ChangeDialog
      title="Cancel this run?"
      onClose={onClose}
      fault={fault}
      action={
        <Button
          kind="danger"
          disabled={isBusy}
          onClick={() => tell("cancel", { now }, "The run ends.")}
        >
          {isBusy ? "Telling it…" : "Cancel the run"}
        </Button>
      }
    >
      <p>
        It ends in order: what is durable stays, and running the graph again sends only what is
        missing.
      </p>
      <CheckField
        label="At once, not behind the objects that end within a second"
        checked={now}
        onChange={(event) => setNow(event.target.checked)}
      />
    </ChangeDialog>
  );
}

export function PaceDialog({ run, onClose }: ChangeProps) {
  const [edge, setEdge] = useState(run.edges[0]?.name ?? "");
  const [written, setWritten] = useState("");
  const { fault, isBusy, tell } = useChange(run, onClose);
  const rate = rateOf(written);
  return (
    <ChangeDialog
      title="Bandwidth of a coupling"
      onClose={onClose}
      fault={fault}
      action={
        <Button
          kind="primary"
          disabled={isBusy || !edge || rate === undefined}
          onClick={() => tell("pace", { edge, rate }, "The bandwidth is changed.")}
        >
          {rate === null ? "Take the limit away" : "Set the limit"}
        </Button>
      }
    >
      <ChoiceField
        label="Coupling"
        value={edge}
        onChange={(event) => setEdge(event.target.value)}
        choices={run.edges.map((one) => ({ value: one.name, label: visible(one.name) }))}
      />
      <TextField
        label="At most"
        placeholder="no limit"
        value={written}
        onChange={(event) => setWritten(event.target.value)}
        hint="As in 20MB/s; empty for no limit."
        fault={rate === undefined ? "Write a rate, as in 20MB/s." : undefined}
      />
      <p className="soft">It holds for this run; what stands in the graph is not changed.</p>
    </ChangeDialog>
  );
}

export function AttachDialog(props: DrawnProps) {
  const { run, onClose } = props;
  const [device, setDevice] = useState("");
  const [source, setSource] = useState("");
  const [init, setInit] = useState(false);
  const { fault, isBusy, tell } = useChange(run, onClose);
  const feeders = agentNames(props, "backup", "mirror");
  return (
    <ChangeDialog
      title="Attach a mirror"
      onClose={onClose}
      fault={fault}
      action={
        <Button
          kind="primary"
          disabled={isBusy || !device.trim()}
          onClick={() =>
            tell("attach", { device: device.trim(), source, init }, "The mirror is attached.")
          }
        >
          {isBusy ? "Attaching…" : "Attach"}
        </Button>
      }
    >
      <p className="soft">
        It gets every frame from now on. What was sent before, a repair brings when the run has
        ended.
      </p>
      <TextField
        label="Directory, or device of the graph"
        placeholder="/mnt/usb"
        value={device}
        autoComplete="off"
        onChange={(event) => setDevice(event.target.value)}
      />
      <ChoiceField
        label="Who feeds it"
        value={source}
        onChange={(event) => setSource(event.target.value)}
        choices={[
          { value: "", label: "the agent that begins the chain" },
          ...feeders.map((name) => ({ value: name, label: visible(name) })),
        ]}
      />
      <CheckField
        label="Make a medium of it if it is empty"
        checked={init}
        onChange={(event) => setInit(event.target.checked)}
      />
    </ChangeDialog>
  );
}

export function DetachDialog(props: DrawnProps) {
  const { run, onClose } = props;
  const mirrors = agentNames(props, "mirror");
  const [device, setDevice] = useState(mirrors[0] ?? "");
  const { fault, isBusy, tell } = useChange(run, onClose);
  return (
    <ChangeDialog
      title="Detach a mirror"
      onClose={onClose}
      fault={fault}
      action={
        <Button
          kind="danger"
          disabled={isBusy || !device}
          onClick={() => tell("detach", { device }, "The mirror is detached.")}
        >
          {isBusy ? "Detaching…" : "Detach"}
        </Button>
      }
    >
      <p className="soft">
        Its medium is sealed at the border of a frame and can be taken away then. Mirrors behind it
        go on. The run does without this copy; if it is required, the run ends incomplete, and a
        repair completes the copy.
      </p>
      {mirrors.length ? (
        <ChoiceField
          label="Mirror"
          value={device}
          onChange={(event) => setDevice(event.target.value)}
          choices={mirrors.map((name) => ({ value: name, label: visible(name) }))}
        />
      ) : (
        <p className="note">This run has no mirror.</p>
      )}
    </ChangeDialog>
  );
}
