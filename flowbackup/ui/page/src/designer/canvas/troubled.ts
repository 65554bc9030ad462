// Boxes that something is wrong with.
import type { Finding } from "../../api/designing";
import { clientId, groupId } from "../../model/chart";

export function troubledBoxes(findings: readonly Finding[]): ReadonlySet<string> {
  const boxes = new Set<string>();
  for (const { severity, keys } of findings) {
    const [section, name] = keys.map(String);
    if (severity !== "error" || !name) continue;
    if (section === "clients") boxes.add(clientId(name));
    if (section?.endsWith("_groups")) boxes.add(groupId(name));
  }
  return boxes;
}
