import type { Route } from "../shell/routes";

export default function Retention({ route }: { route: Route }) {
  return (
    <div className="screen">
      <h1>Retention</h1>
      <p className="soft">{route.rest}</p>
    </div>
  );
}
