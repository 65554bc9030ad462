// The written graph as the page holds it: the JSON shape of the YAML, without what equals a default.

export type Role = "backup" | "mirror" | "restore" | "copy";
export type Section = "backup_groups" | "mirror_groups" | "restore_groups" | "copy_groups";
export type Key = string | number;
export type Keys = readonly Key[];

export interface ObjectSpec {
  path?: string;
  command?: string[];
  stdin?: boolean;
  group?: string;
  buffers?: string;
  [option: string]: unknown;
}

export interface ClientSpec {
  node?: string;
  objects?: Record<string, ObjectSpec>;
  [option: string]: unknown;
}

export interface DeviceSpec {
  path?: string;
  url?: string;
  kind?: string;
  node?: string;
  [option: string]: unknown;
}

export interface GroupSpec {
  devices: string[];
  buffers?: number;
  max?: number;
  reserve?: string[];
  mirrors?: string;
  copies?: string;
  on_failure?: string;
  [option: string]: unknown;
}

export interface CouplingValues {
  from: string;
  to: string;
  on_failure?: string;
  [option: string]: unknown;
}

export type CouplingSpec = string | CouplingValues;

export interface Spec {
  graph: string;
  copies?: number;
  nodes?: Record<string, Record<string, unknown>>;
  clients?: Record<string, ClientSpec>;
  devices?: Record<string, DeviceSpec>;
  backup_groups?: Record<string, GroupSpec>;
  mirror_groups?: Record<string, GroupSpec>;
  restore_groups?: Record<string, GroupSpec>;
  copy_groups?: Record<string, GroupSpec>;
  couplings?: CouplingSpec[];
  [option: string]: unknown;
}

export const ROLES: readonly Role[] = ["backup", "mirror", "restore", "copy"];
export const SECTION_OF: Record<Role, Section> = {
  backup: "backup_groups",
  mirror: "mirror_groups",
  restore: "restore_groups",
  copy: "copy_groups",
};
// As in spec/models.py; what is not written is this.
export const BUFFERS = 8;
export const HERE = "here";

export interface GroupAt {
  name: string;
  role: Role;
  section: Section;
  group: GroupSpec;
}

/** All groups, in the order of roles and of the file. */
export function groupsOf(spec: Spec): GroupAt[] {
  return ROLES.flatMap((role) => {
    const section = SECTION_OF[role];
    return Object.entries(spec[section] ?? {}).map(([name, group]) => ({
      name,
      role,
      section,
      group: { ...group, devices: asList(group.devices) },
    }));
  });
}

export function groupAt(spec: Spec, name: string): GroupAt | undefined {
  return groupsOf(spec).find((one) => one.name === name);
}

/** The devices that get an agent each. */
export function agentsOf(group: GroupSpec): string[] {
  const devices = [...new Set(asList(group.devices))];
  return group.max ? devices.slice(0, group.max) : devices;
}

export function buffersOf(group: GroupSpec): number {
  return group.buffers ?? BUFFERS;
}

export function asList(value: unknown): string[] {
  if (Array.isArray(value)) return value.map(String);
  return typeof value === "string" ? [value] : [];
}
