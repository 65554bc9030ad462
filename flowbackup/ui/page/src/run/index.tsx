import type { Route } from "../shell/routes";
import { RunList } from "./RunList";
import { RunView } from "./RunView";
import "./run.css";

/** What runs: all of it, or one run on the picture of its graph. */
export default function Run({ route }: { route: Route }) {
  return route.rest ? <RunView key={route.rest} session={route.rest} /> : <RunList />;
}
