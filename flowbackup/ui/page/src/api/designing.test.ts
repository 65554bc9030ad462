import { expect, test } from "vitest";
import { addressOf } from "./designing";

test("a graph may be called by any sign", () => {
  expect(addressOf("/srv/my graphs/a#b?c%23.yaml")).toBe(
    "/api/graphs/srv/my%20graphs/a%23b%3Fc%2523.yaml",
  );
});
