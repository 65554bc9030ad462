import { readFileSync } from "node:fs";
import openapiTS, { astToString } from "openapi-typescript";
import { expect, test } from "vitest";

const place = (name: string) => new URL(name, import.meta.url);

test("the types are those of the server's description: make page-types", async () => {
  const kept = readFileSync(place("types.ts"), "utf8");
  const made = astToString(await openapiTS(place("openapi.json")));
  expect(kept.slice(kept.indexOf("export"))).toBe(made.slice(made.indexOf("export")));
});
