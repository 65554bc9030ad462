import openapiTS, { astToString } from "openapi-typescript";
import { expect, test } from "vitest";
import described from "./openapi.json?raw";
import kept from "./types.ts?raw";

test("the types are those of the server's description: make page-types", async () => {
  const made = astToString(await openapiTS(JSON.parse(described)));
  expect(kept.slice(kept.indexOf("export"))).toBe(made.slice(made.indexOf("export")));
});
