import { describe, expect, test } from "vitest";
import {
  addAgent,
  addClient,
  addDevice,
  addGroup,
  addObject,
  assign,
  couple,
  remove,
  removeAgent,
  rename,
  setAt,
  valueAt,
} from "./edits";
import { couplingText, parseCoupling, parseEndpoint } from "./endpoint";
import { couplingsOf } from "./ends";
import type { Spec } from "./spec";

const CHAIN: Spec = {
  graph: "chain",
  nodes: { east: {} },
  clients: {
    web: {
      node: "east",
      objects: { site: { path: "site", buffers: "nas[0:4]", group: "primary" } },
    },
  },
  devices: {
    nas: { path: "d/nas", node: "east" },
    usb: { path: "d/usb" },
    tape: { path: "d/tape" },
  },
  backup_groups: { primary: { devices: ["nas"], buffers: 8 } },
  mirror_groups: {
    offsite: { devices: ["usb"], reserve: ["tape"] },
    third: { mirrors: "offsite", devices: ["tape"] },
  },
  couplings: [{ from: "primary.nas[0:4]", to: "offsite.usb[0:4]", on_failure: "optional" }],
};

describe("what is added", () => {
  test("from nothing: a client, a backup group with a device of its own", () => {
    const client = addClient({ graph: "g" });
    const group = addGroup(client.spec, "backup");
    expect(group.keys).toEqual(["backup_groups", "primary"]);
    expect(group.spec).toEqual({
      graph: "g",
      clients: { client: { objects: { data: { path: "data" } } } },
      devices: { disk1: { path: "devices/disk1" } },
      backup_groups: { primary: { devices: ["disk1"] } },
    });
  });

  test("names are free, whatever their case", () => {
    const spec = addGroup(addGroup({ graph: "g" }, "mirror").spec, "mirror");
    expect(spec.keys[1]).toBe("mirror2");
    expect(addDevice({ graph: "g", devices: { DISK1: {} } }).keys[1]).toBe("disk2");
  });

  test("a restore group reads what is written already", () => {
    const made = addGroup(CHAIN, "restore");
    expect(valueAt(made.spec, made.keys)).toEqual({ devices: ["nas"] });
    expect(made.spec.devices).toBe(CHAIN.devices);
  });

  test("with a second backup group, objects say which one had them", () => {
    const before = addClient(addGroup({ graph: "g" }, "backup").spec).spec;
    const after = addGroup(before, "backup").spec;
    expect(after.clients?.client?.objects?.data?.group).toBe("primary");
    expect(addObject(after, "client").spec.clients?.client?.objects?.data2?.group).toBe("primary");
  });

  test("an agent more is a device more", () => {
    const made = addAgent(CHAIN, "primary");
    expect(made.spec.backup_groups?.primary?.devices).toEqual(["nas", "disk1"]);
    expect(addAgent(CHAIN, "primary", "usb").spec.devices).toBe(CHAIN.devices);
  });
});

describe("couplings", () => {
  const at = (text: string) => parseEndpoint(text) ?? { group: "" };

  test("of whole groups stand in the target, the second one in couplings", () => {
    const spec: Spec = { graph: "g", mirror_groups: { m: { devices: ["x"] } } };
    const first = couple(spec, at("p"), at("m"));
    expect(first.keys).toEqual(["mirror_groups", "m", "mirrors"]);
    const second = couple(first.spec, at("q"), at("m"));
    expect(second.spec.couplings).toEqual(["q -> m"]);
  });

  test("of parts of the buffers stand in couplings", () => {
    const made = couple(CHAIN, at("primary.nas[4:8]"), at("third.tape[0:4]"));
    expect(made.spec.couplings?.[1]).toBe("primary.nas[4:8] -> third.tape[0:4]");
    expect(made.keys).toEqual(["couplings", 1]);
  });

  test("an object goes to a group, or to buffers of one of its agents", () => {
    const made = assign(CHAIN, "web", "site", at("primary"));
    expect(valueAt(made.spec, made.keys)).toEqual({ path: "site" });
    const pinned = assign(CHAIN, "web", "site", at("primary.nas[2:6]"));
    expect(valueAt(pinned.spec, pinned.keys)).toEqual({ path: "site", buffers: "nas[2:6]" });
  });

  test("are found wherever they are written, with who may fail", () => {
    const found = couplingsOf(CHAIN).map((one) => [
      couplingText(one.source, one.target),
      one.optional,
    ]);
    expect(found).toEqual([
      ["offsite -> third", false],
      ["primary.nas[0:4] -> offsite.usb[0:4]", true],
    ]);
  });

  test("what is no coupling is none", () => {
    for (const text of ["", "a", "a -> b -> c", "a. -> b", "a[4:2] -> b", "a.b.c -> d"]) {
      expect(parseCoupling(text)).toBeNull();
    }
  });
});

describe("renaming", () => {
  test("a group is renamed in couplings, mirrors and objects", () => {
    const spec = rename(CHAIN, ["backup_groups", "primary"], "first");
    expect(spec.clients?.web?.objects?.site?.group).toBe("first");
    expect(spec.couplings).toEqual([
      { from: "first.nas[0:4]", to: "offsite.usb[0:4]", on_failure: "optional" },
    ]);
    expect(rename(CHAIN, ["mirror_groups", "offsite"], "o").mirror_groups?.third?.mirrors).toBe(
      "o",
    );
  });

  test("a device is renamed in groups, reserves, pinned buffers and couplings", () => {
    const spec = rename(CHAIN, ["devices", "nas"], "big");
    expect(Object.keys(spec.devices ?? {})).toEqual(["big", "usb", "tape"]);
    expect(spec.backup_groups?.primary?.devices).toEqual(["big"]);
    expect(spec.clients?.web?.objects?.site?.buffers).toBe("big[0:4]");
    expect(spec.couplings?.[0]).toMatchObject({ from: "primary.big[0:4]" });
    const tape = rename(CHAIN, ["devices", "tape"], "lto");
    expect(tape.mirror_groups?.offsite?.reserve).toEqual(["lto"]);
  });

  test("a node, a client and an object keep what they hold", () => {
    const spec = rename(CHAIN, ["nodes", "east"], "west");
    expect([spec.clients?.web?.node, spec.devices?.nas?.node]).toEqual(["west", "west"]);
    expect(rename(CHAIN, ["clients", "web"], "www").clients?.www).toBe(CHAIN.clients?.web);
    const object = rename(CHAIN, ["clients", "web", "objects", "site"], "pages");
    expect(Object.keys(object.clients?.web?.objects ?? {})).toEqual(["pages"]);
  });
});

describe("deleting", () => {
  test("a group takes its couplings with it", () => {
    const spec = remove(CHAIN, ["mirror_groups", "offsite"]);
    expect(spec.couplings).toBeUndefined();
    expect(spec.mirror_groups?.third).toEqual({ devices: ["tape"] });
    const head = remove(CHAIN, ["backup_groups", "primary"]);
    expect(head.backup_groups).toBeUndefined();
    expect(head.clients?.web?.objects?.site).toEqual({ path: "site" });
  });

  test("a device leaves its groups, and the last one takes the group", () => {
    const spec = remove(CHAIN, ["devices", "tape"]);
    expect(spec.mirror_groups).toEqual({ offsite: { devices: ["usb"] } });
    expect(remove(CHAIN, ["devices", "nas"]).backup_groups).toBeUndefined();
    const two = addAgent(CHAIN, "primary").spec;
    expect(removeAgent(two, "primary", "nas").couplings).toBeUndefined();
  });

  test("a node leaves what was on it here, a coupling goes alone", () => {
    expect(remove(CHAIN, ["nodes", "east"]).devices?.nas).toEqual({ path: "d/nas" });
    const spec = remove(CHAIN, ["couplings", 0]);
    expect(spec.couplings).toBeUndefined();
    expect(spec.mirror_groups).toBe(CHAIN.mirror_groups);
  });
});

test("what an edit does not touch is the same value", () => {
  const spec = setAt(CHAIN, ["devices", "nas", "rate"], "80 MB/s");
  expect(spec.devices?.usb).toBe(CHAIN.devices?.usb);
  expect(spec.mirror_groups).toBe(CHAIN.mirror_groups);
  expect(setAt(spec, ["devices", "nas", "rate"], undefined)).toEqual(CHAIN);
});
