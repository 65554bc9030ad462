// A graph file with what can be named in it.
import { useEffect, useState } from "react";
import type { Fault } from "../api/client";
import { designing } from "../api/designing";
import type { Drawn } from "../live/useDrawn";
import { agentsOf, groupsOf, type Spec } from "../model/spec";

export interface Loaded {
  path: string;
  text: string | null;
  drawn: Drawn | null;
  devices: string[];
  clients: string[];
  objects: string[];
  nodes: string[];
  fault: Fault | null;
}

const NOTHING: Omit<Loaded, "path"> = {
  text: null,
  drawn: null,
  devices: [],
  clients: [],
  objects: [],
  nodes: [],
  fault: null,
};

/** path: "" for none, which gives null. */
export function useGraph(path: string): Loaded | null {
  const [loaded, setLoaded] = useState<Loaded>({ path: "", ...NOTHING });
  useEffect(() => {
    if (!path) return;
    const stop = new AbortController();
    const load = async () => {
      const file = await designing.load(path, stop.signal);
      if (stop.signal.aborted) return;
      if (!file.ok) return setLoaded({ path, ...NOTHING, fault: file.fault });
      const { text, positions } = file.value;
      const design = await designing.check(text, path, stop.signal);
      if (stop.signal.aborted) return;
      if (!design.ok) return setLoaded({ path, ...NOTHING, fault: design.fault });
      const { spec } = design.value;
      setLoaded({ path, ...NOTHING, text, drawn: spec && { spec, positions }, ...namesOf(spec) });
    };
    void load();
    return () => stop.abort();
  }, [path]);
  if (!path) return null;
  return loaded.path === path ? loaded : { path, ...NOTHING };
}

/** Of devices those that groups use: the simulator knows no others. */
function namesOf(spec: Spec | null): Pick<Loaded, "devices" | "clients" | "objects" | "nodes"> {
  if (!spec) return { devices: [], clients: [], objects: [], nodes: [] };
  const clients = Object.entries(spec.clients ?? {});
  const named = groupsOf(spec).flatMap((one) => agentsOf(one.group));
  return {
    devices: [...new Set(named)],
    clients: clients.map(([name]) => name),
    objects: clients.flatMap(([name, client]) =>
      Object.keys(client.objects ?? {}).map((object) => `${name}/${object}`),
    ),
    nodes: Object.keys(spec.nodes ?? {}),
  };
}
