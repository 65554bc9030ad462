import type { Route } from "../shell/routes";

export default function Restore({ route }: { route: Route }) {
  return (
    <div className="screen">
      <h1>Restore</h1>
      <p className="soft">{route.rest}</p>
    </div>
  );
}
