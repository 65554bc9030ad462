import type { Route } from "../shell/routes";

export default function Design({ route }: { route: Route }) {
  return (
    <div className="screen">
      <h1>Design</h1>
      <p className="soft">{route.rest}</p>
    </div>
  );
}
