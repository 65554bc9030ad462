import { expect, test } from "vitest";
import { hashOf, routeOf } from "./routes";

test("an address comes back as it was said", () => {
  const hash = hashOf("design", "/srv/graphs/my graph#1.yaml", { with: "a&b" });
  expect(routeOf(hash)).toMatchObject({ screen: "design", rest: "/srv/graphs/my graph#1.yaml" });
  expect(routeOf(hash).query.get("with")).toBe("a&b");
  expect(routeOf("").screen).toBe("home");
  expect(routeOf("#/nowhere/x").screen).toBe("home");
  expect(routeOf("#/design/%E0%A4%A").rest).toBe("%E0%A4%A");
});
