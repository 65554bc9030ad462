import type { Route } from "../shell/routes";

export default function Run({ route }: { route: Route }) {
  return (
    <div className="screen">
      <h1>Run</h1>
      <p className="soft">{route.rest}</p>
    </div>
  );
}
