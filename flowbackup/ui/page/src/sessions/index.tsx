import type { Route } from "../shell/routes";
import { SessionDetailView } from "./SessionDetail";
import { SessionList } from "./SessionList";
import "./sessions.css";

/** What ran, how it ended, and the command line that does the same. */
export default function Sessions({ route }: { route: Route }) {
  return route.rest ? <SessionDetailView session={route.rest} /> : <SessionList />;
}
