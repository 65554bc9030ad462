import { useState } from "react";
import { api, type Fault } from "../api/client";
import type { ObjectRow } from "../catalog/VersionChoice";
import { Empty, FaultNote, Loading, useRows } from "../loading";
import { Button, ChoiceField, useSay } from "../parts";
import { hashOf, type Route } from "../shell/routes";
import { counted } from "../text/size";
import { visible } from "../text/visible";
import type { Decision } from "./decisions";
import { expected } from "./decisions";
import { ForgetDialog } from "./ForgetDialog";
import { Judgement } from "./Judgement";
import { KeepForm } from "./KeepForm";
import { type Form, read, USUAL_FORM, wantsNothing } from "./policy";
import "./retention.css";

interface Simulated {
  rows: Decision[];
  calendar?: string;
  /** What was asked, so that exactly this is done, whatever the form says meanwhile. */
  asked: { objects: string[]; keep: unknown };
}

const ALL = "";

/** Which versions rules would keep, and why; only what was shown can be done. */
export default function Retention(_: { route: Route }) {
  const objects = useRows<ObjectRow>("/api/objects");
  const [form, setForm] = useState<Form>(USUAL_FORM);
  const [object, setObject] = useState(ALL);
  const [found, setFound] = useState<Simulated | null>(null);
  const [fault, setFault] = useState<Fault | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [isForgetting, setForgetting] = useState(false);
  const say = useSay();
  const { keep, faults } = read(form);
  const hasFaults = Object.keys(faults).length > 0;

  const simulate = async () => {
    setBusy(true);
    setFault(null);
    const asked = { objects: object === ALL ? [] : [object], keep };
    const answer = await api.post<{ rows: Decision[]; calendar?: string }>("/api/retention", asked);
    setBusy(false);
    if (answer.ok) setFound({ ...answer.value, asked });
    else setFault(answer.fault);
  };
  const change = (next: Form) => {
    setForm(next);
    setFound(null);
  };
  const forgotten = (count: number) => {
    setForgetting(false);
    say(
      `${counted(count, "version")} forgotten. flowbackup prune frees what only they needed.`,
      "good",
    );
    void simulate();
  };
  const going = found ? expected(found.rows) : [];
  const isEmpty = !objects.isLoading && !objects.fault && objects.rows.length === 0;

  return (
    <div className="screen">
      <header className="stack tight">
        <h1>Retention</h1>
        <p className="soft">
          See what rules would keep before anything is forgotten. Looking changes nothing.
        </p>
      </header>
      {objects.fault && <FaultNote fault={objects.fault} again={objects.again} />}
      {objects.isLoading && objects.rows.length === 0 && <Loading />}
      {isEmpty && (
        <Empty
          title="There are no versions yet"
          actions={
            <a className="button" data-kind="primary" href={hashOf("home")}>
              Make a first backup
            </a>
          }
        />
      )}
      {objects.rows.length > 0 && (
        <div className="retention">
          <section className="panel stack" aria-labelledby="keep">
            <h2 id="keep">Keep</h2>
            <ChoiceField
              label="Of"
              value={object}
              onChange={(event) => {
                setObject(event.target.value);
                setFound(null);
              }}
              choices={[
                { value: ALL, label: "every object" },
                ...objects.rows.map((row) => ({
                  value: `${row.client}/${row.name}`,
                  label: visible(`${row.client}/${row.name}`),
                })),
              ]}
            />
            <KeepForm form={form} faults={faults} onChange={change} />
            <Button
              kind="primary"
              disabled={isBusy || hasFaults || wantsNothing(keep)}
              onClick={simulate}
            >
              {isBusy ? "Looking…" : "Show what would stay"}
            </Button>
            {wantsNothing(keep) && !hasFaults && (
              <p className="note" data-tone="warn">
                Write at least one rule: without any, only the last complete version would stay.
              </p>
            )}
          </section>
          <div className="stack judged">
            {fault && <FaultNote fault={fault} />}
            {!found && !fault && (
              <Empty title="Nothing was looked at yet">
                Say what is to be kept, and each version is listed with the reasons why it stays or
                goes.
              </Empty>
            )}
            {found && (
              <>
                <Judgement decisions={found.rows} calendar={found.calendar ?? ""} />
                <div className="row">
                  <Button
                    kind="danger"
                    disabled={going.length === 0}
                    onClick={() => setForgetting(true)}
                  >
                    Forget {counted(going.length, "version")}
                  </Button>
                  {going.length === 0 && <span className="soft">All of them stay.</span>}
                </div>
              </>
            )}
          </div>
        </div>
      )}
      {isForgetting && found && (
        <ForgetDialog
          asked={found.asked}
          going={going}
          onClose={() => setForgetting(false)}
          onForgotten={forgotten}
        />
      )}
    </div>
  );
}
