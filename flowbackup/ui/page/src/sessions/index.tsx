import type { Route } from "../shell/routes";

export default function Sessions({ route }: { route: Route }) {
  return (
    <div className="screen">
      <h1>Sessions</h1>
      <p className="soft">{route.rest}</p>
    </div>
  );
}
