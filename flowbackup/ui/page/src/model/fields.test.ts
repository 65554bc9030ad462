import { expect, test } from "vitest";
import described from "../api/openapi.json?raw";
import { FIELDS, partOf, readValue, shownValue } from "./fields";

const field = (kind: keyof typeof FIELDS, key: string) => {
  const found = FIELDS[kind].find((one) => one.key === key);
  if (!found) throw new Error(`no field ${key}`);
  return found;
};

test("what is written reads back", () => {
  expect(readValue(field("backup", "devices"), " a, b ,")).toEqual(["a", "b"]);
  expect(readValue(field("backup", "buffers"), "16")).toBe(16);
  expect(readValue(field("backup", "buffers"), "")).toBeUndefined();
  expect(readValue(field("device", "rate"), "80 MB/s")).toBe("80 MB/s");
  expect(readValue(field("device", "block_size"), "4096")).toBe(4096);
  expect(readValue(field("device", "path"), "123")).toBe("123");
  expect(shownValue(["a", "b"])).toBe("a, b");
});

test("the default of a choice is not written, but for a coupling, where it differs", () => {
  expect(readValue(field("mirror", "on_failure"), "required")).toBeUndefined();
  expect(readValue(field("mirror", "on_failure"), "optional")).toBe("optional");
  expect(readValue(field("coupling", "on_failure"), "required")).toBe("required");
  expect(readValue(field("coupling", "on_failure"), "")).toBeUndefined();
});

test("keys lead to the part around them", () => {
  const spec = { graph: "g", clients: { web: { objects: { site: {} } } }, couplings: ["a -> b"] };
  expect(partOf(spec, ["clients", "web", "objects", "site", "path"])).toEqual({
    kind: "object",
    keys: ["clients", "web", "objects", "site"],
  });
  expect(partOf(spec, ["clients", "web", "node"]).keys).toEqual(["clients", "web"]);
  expect(partOf(spec, ["couplings", 0]).kind).toBe("coupling");
  expect(partOf(spec, ["devices", "gone"]).kind).toBe("graph");
});

const MODELS = {
  graph: "GraphSpec",
  client: "ClientSpec",
  object: "ObjectSpec",
  device: "DeviceSpec",
  backup: "BackupGroupSpec",
  mirror: "MirrorGroupSpec",
  restore: "RestoreGroupSpec",
  copy: "CopyGroupSpec",
} as const;

test("forms offer what the models of a graph file take", () => {
  const { schemas } = JSON.parse(described).components;
  for (const [kind, model] of Object.entries(MODELS) as [keyof typeof MODELS, string][]) {
    const { properties } = schemas[model];
    for (const { key, values } of FIELDS[kind]) {
      expect(properties, `${model}.${key}`).toHaveProperty(key);
      if (!values) continue;
      const taken: string[] = properties[key].enum;
      expect([...values].sort(), `${model}.${key}`).toEqual([...taken].sort());
      expect(values[0], `${model}.${key}`).toBe(properties[key].default);
    }
  }
});
