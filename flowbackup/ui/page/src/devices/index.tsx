import type { Route } from "../shell/routes";

export default function Devices({ route }: { route: Route }) {
  return (
    <div className="screen">
      <h1>Devices</h1>
      <p className="soft">{route.rest}</p>
    </div>
  );
}
