import type { ObjectRow } from "../catalog/VersionChoice";
import { VersionChoice } from "../catalog/VersionChoice";
import { Empty, FaultNote, Loading, useRows } from "../loading";
import "../catalog/catalog.css";
import { go, hashOf, type Route } from "../shell/routes";
import { RecentRestores } from "./RecentRestores";
import { RestoreForm } from "./RestoreForm";
import { RestoreRun } from "./RestoreRun";
import "./restore.css";

/** Data comes back: what, of when, whereto; and how far it is, whoever looks. */
export default function Restore({ route }: { route: Route }) {
  if (route.rest) return <RestoreRun key={route.rest} session={route.rest} />;
  return <Choice query={route.query} />;
}

function Choice({ query }: { query: URLSearchParams }) {
  const objects = useRows<ObjectRow>("/api/objects");
  const turn = (next: Record<string, string>) => go("restore", "", next);
  return (
    <div className="screen">
      <h1>Restore</h1>
      {objects.fault && <FaultNote fault={objects.fault} again={objects.again} />}
      {objects.isLoading && objects.rows.length === 0 && <Loading />}
      {!objects.isLoading && !objects.fault && objects.rows.length === 0 && (
        <Empty
          title="There is nothing to restore yet"
          actions={
            <a className="button" data-kind="primary" href={hashOf("home")}>
              Make a first backup
            </a>
          }
        >
          If there are media of before, <code>flowbackup rebuild DIR</code> makes the catalog from
          them.
        </Empty>
      )}
      {objects.rows.length > 0 && (
        <div className="catalog-files">
          <VersionChoice
            objects={objects}
            object={query.get("object") ?? ""}
            version={query.get("version") ?? ""}
            onChoose={(version) =>
              turn({ object: `${version.client}/${version.name}`, version: version.object_id })
            }
            onObject={(object) => turn({ object })}
          >
            {(version) => (
              <RestoreForm
                key={version.object_id}
                version={version}
                path={query.get("path") ?? ""}
              />
            )}
          </VersionChoice>
        </div>
      )}
      <RecentRestores />
    </div>
  );
}
