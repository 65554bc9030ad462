// A graph file with what can be named in it.
import { useEffect, useState } from "react";
import { api, type Fault } from "../api/client";
import type { Picture } from "../live/picture";

interface Spec {
  clients?: Record<string, { objects?: Record<string, unknown> }> | null;
  devices?: Record<string, unknown> | null;
  nodes?: Record<string, unknown> | null;
}

interface Design {
  spec: Spec | null;
  picture: Picture | null;
}

export interface Loaded {
  path: string;
  text: string | null;
  picture: Picture | null;
  devices: string[];
  clients: string[];
  objects: string[];
  nodes: string[];
  fault: Fault | null;
}

const NOTHING: Omit<Loaded, "path"> = { text: null, picture: null, devices: [], clients: [], objects: [], nodes: [], fault: null };

/** path: "" for none, which gives null. */
export function useGraph(path: string): Loaded | null {
  const [loaded, setLoaded] = useState<Loaded>({ path: "", ...NOTHING });
  useEffect(() => {
    if (!path) return;
    const stop = new AbortController();
    const load = async () => {
      const file = await api.get<{ text: string }>(`/api/graphs${encodeURI(path)}`, stop.signal);
      if (stop.signal.aborted) return;
      if (!file.ok) return setLoaded({ path, ...NOTHING, fault: file.fault });
      const { text } = file.value;
      const design = await api.post<Design>("/api/design/check", { text, path }, stop.signal);
      if (stop.signal.aborted) return;
      if (!design.ok) return setLoaded({ path, ...NOTHING, fault: design.fault });
      setLoaded({ path, ...NOTHING, text, picture: design.value.picture, ...namesOf(design.value) });
    };
    void load();
    return () => stop.abort();
  }, [path]);
  if (!path) return null;
  return loaded.path === path ? loaded : { path, ...NOTHING };
}

/** Devices of a graph may be declared, or only be named by a group; the picture has both. */
function namesOf(design: Design): Pick<Loaded, "devices" | "clients" | "objects" | "nodes"> {
  const { spec, picture } = design;
  const clients = Object.entries(spec?.clients ?? {});
  const drawn = (picture?.boxes ?? []).flatMap((box) => (box.device ? [box.device] : []));
  return {
    devices: [...new Set([...Object.keys(spec?.devices ?? {}), ...drawn])],
    clients: clients.map(([name]) => name),
    objects: clients.flatMap(([name, client]) => Object.keys(client?.objects ?? {}).map((object) => `${name}/${object}`)),
    nodes: Object.keys(spec?.nodes ?? {}),
  };
}
