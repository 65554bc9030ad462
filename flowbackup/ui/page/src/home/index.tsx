import type { Route } from "../shell/routes";

export default function Home({ route }: { route: Route }) {
  return (
    <div className="screen">
      <h1>Home</h1>
      <p className="soft">{route.rest}</p>
    </div>
  );
}
