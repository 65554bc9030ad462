import { Empty, FaultNote, Loading, useRows } from "../loading";
import { Tabs } from "../parts";
import { go, hashOf, type Route } from "../shell/routes";
import { Browser } from "./Browser";
import { Differences } from "./Differences";
import { Find } from "./Find";
import { History } from "./History";
import type { Version } from "./paths";
import { type ObjectRow, VersionChoice } from "./VersionChoice";
import { WhyNot } from "./WhyNot";
import "./catalog.css";

const TABS = [
  { name: "files", title: "Files" },
  { name: "find", title: "Find" },
  { name: "time", title: "Through time" },
  { name: "changes", title: "Changes" },
  { name: "why", title: "Why not" },
] as const;

type Tab = (typeof TABS)[number]["name"];

/** What was backed up, version by version; where a file is, and was. */
export default function Catalog({ route }: { route: Route }) {
  const { query } = route;
  const tab = TABS.find((one) => one.name === query.get("tab"))?.name ?? "files";
  const objects = useRows<ObjectRow>("/api/objects");
  const turn = (changes: Record<string, string>) => go("catalog", "", merged(query, changes));
  if (objects.fault)
    return (
      <Frame>
        <FaultNote fault={objects.fault} again={objects.again} />
      </Frame>
    );
  if (objects.isLoading && objects.rows.length === 0)
    return (
      <Frame>
        <Loading />
      </Frame>
    );
  if (objects.rows.length === 0) {
    return (
      <Frame>
        <Empty
          title="The catalog is empty"
          actions={
            <a className="button" data-kind="primary" href={hashOf("home")}>
              Make a first backup
            </a>
          }
        >
          What is backed up can be looked through here, also while its media are away.
        </Empty>
      </Frame>
    );
  }
  return (
    <Frame>
      <Tabs<Tab>
        label="Ways to look"
        panels="catalog"
        tabs={TABS}
        chosen={tab}
        onChoose={(next) => turn({ tab: next })}
      />
      <div
        role="tabpanel"
        id={`catalog-${tab}`}
        aria-labelledby={`catalog-${tab}-tab`}
        className="stack"
      >
        {tab === "files" && <Files objects={objects} query={query} turn={turn} />}
        {tab === "find" && <Find objects={objects.rows} />}
        {tab === "time" && (
          <History
            place={query.get("place") ?? ""}
            onAsk={(place) => turn({ tab: "time", place })}
          />
        )}
        {tab === "changes" && (
          <Differences objects={objects.rows} object={query.get("object") ?? ""} />
        )}
        {tab === "why" && <WhyNot path={query.get("place") ?? ""} />}
      </div>
    </Frame>
  );
}

function Frame({ children }: { children: React.ReactNode }) {
  return (
    <div className="screen">
      <h1>Catalog</h1>
      {children}
    </div>
  );
}

/** The query with some of it changed; what became empty goes. */
function merged(query: URLSearchParams, changes: Record<string, string>): Record<string, string> {
  const all = { ...Object.fromEntries(query), ...changes };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ""));
}

interface FilesProps {
  objects: ReturnType<typeof useRows<ObjectRow>>;
  query: URLSearchParams;
  turn: (changes: Record<string, string>) => void;
}

function Files({ objects, query, turn }: FilesProps) {
  return (
    <div className="catalog-files">
      <VersionChoice
        objects={objects}
        object={query.get("object") ?? ""}
        version={query.get("version") ?? ""}
        onChoose={(version: Version) =>
          turn({ object: `${version.client}/${version.name}`, version: version.object_id })
        }
        onObject={(object) => turn({ object, version: "", path: "" })}
      >
        {(version) => (
          <Browser
            key={version.object_id}
            version={version}
            path={query.get("path") ?? ""}
            onPath={(path) =>
              turn({
                object: `${version.client}/${version.name}`,
                version: version.object_id,
                path,
              })
            }
          />
        )}
      </VersionChoice>
    </div>
  );
}
