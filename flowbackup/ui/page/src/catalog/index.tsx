import type { Route } from "../shell/routes";

export default function Catalog({ route }: { route: Route }) {
  return (
    <div className="screen">
      <h1>Catalog</h1>
      <p className="soft">{route.rest}</p>
    </div>
  );
}
