/** What a simulation of keep rules has decided, version by version. */

export interface Decision {
  client: string;
  name: string;
  version: number;
  object_id: string;
  session: string;
  finished_ns: string | number;
  outcome: string;
  keep: boolean;
  reasons: string[];
  tags?: string[];
}

export interface Judged {
  object: string;
  decisions: Decision[];
  going: number;
}

/** By object, each newest first. */
export function byObject(decisions: readonly Decision[]): Judged[] {
  const found = new Map<string, Decision[]>();
  for (const decision of decisions) {
    const object = `${decision.client}/${decision.name}`;
    found.set(object, [...(found.get(object) ?? []), decision]);
  }
  return [...found].map(([object, own]) => ({
    object,
    decisions: [...own].sort(
      (one, other) =>
        Number(other.finished_ns) - Number(one.finished_ns) || other.version - one.version,
    ),
    going: own.filter((decision) => !decision.keep).length,
  }));
}

/** Exactly what was shown to go: nothing else may be forgotten. */
export function expected(decisions: readonly Decision[]): string[] {
  return decisions.filter((decision) => !decision.keep).map((decision) => decision.object_id);
}

export function whyKept(decision: Decision): string {
  return decision.reasons.join("; ") || "no rule keeps it";
}
