// The v1 devices controller: a node allows all devices but some, or none but some, and never more
// than the node above it. `devices.allow` and `devices.deny` take one rule a write.
// Source: Linux, security/device_cgroup.c.

import type { CgroupNode } from "../cgroup-node.ts";
import type { CssSet } from "../cgroups.ts";
import { type ControlFile, filesOf } from "../control-file.ts";
import { fail } from "../errno.ts";
import type { DeviceNumber } from "../inode.ts";

interface Rule {
  readonly type: string;
  /** `*` or a number. */
  readonly major: string;
  readonly minor: string;
  /** Of `rwm`, in this order. */
  access: string;
}

interface Policy {
  allows: boolean;
  exceptions: Rule[];
}

const policies = new WeakMap<CgroupNode, Policy>();

/** A node's policy; a new one has that of the node above it. */
export function policyOf(node: CgroupNode): Policy {
  const known = policies.get(node);
  if (known) return known;
  const above = node.parent ? policyOf(node.parent) : { allows: true, exceptions: [] };
  const made = { allows: above.allows, exceptions: above.exceptions.map((rule) => ({ ...rule })) };
  policies.set(node, made);
  return made;
}

const ordered = (access: string): string => [..."rwm"].filter((a) => access.includes(a)).join("");

function parse(text: string): Rule | "all" {
  if (text.startsWith("a")) return "all";
  const parts = /^([bc])\s(\*|\d+):(\*|\d+)\s([rwm]{1,3})$/.exec(text.trim()) ?? fail("EINVAL");
  const [, type = "", major = "", minor = "", access = ""] = parts;
  return { type, major, minor, access: ordered(access) };
}

const same = (a: Rule, b: Rule): boolean =>
  a.type === b.type && a.major === b.major && a.minor === b.minor;
const overlaps = (a: string, b: string): boolean => a === "*" || b === "*" || a === b;

/** Whether `wide` covers the devices of `rule`, with all of its access. */
const covers = (wide: Rule, rule: Rule): boolean =>
  wide.type === rule.type &&
  (wide.major === "*" || wide.major === rule.major) &&
  (wide.minor === "*" || wide.minor === rule.minor) &&
  [...rule.access].every((a) => wide.access.includes(a));

const meets = (a: Rule, b: Rule): boolean =>
  a.type === b.type &&
  overlaps(a.major, b.major) &&
  overlaps(a.minor, b.minor) &&
  [...a.access].some((access) => b.access.includes(access));

function add(policy: Policy, rule: Rule): void {
  const known = policy.exceptions.find((one) => same(one, rule));
  if (known) known.access = ordered(known.access + rule.access);
  else policy.exceptions.push({ ...rule });
}

function remove(policy: Policy, rule: Rule): void {
  for (const one of policy.exceptions) {
    if (!same(one, rule)) continue;
    one.access = [...one.access].filter((a) => !rule.access.includes(a)).join("");
  }
  policy.exceptions = policy.exceptions.filter((one) => one.access !== "");
}

/** Whether the node above permits what `rule` would newly allow. */
function permitted(node: CgroupNode, rule: Rule): boolean {
  if (!node.parent) return true;
  const above = policyOf(node.parent);
  if (above.allows) return !above.exceptions.some((one) => meets(one, rule));
  return policyOf(node).allows || above.exceptions.some((one) => covers(one, rule));
}

function changeAll(node: CgroupNode, allow: boolean): void {
  if (node.children.length > 0) fail("EINVAL");
  const above = node.parent && policyOf(node.parent);
  if (allow && above && !above.allows) fail("EPERM");
  const inherited = allow && above ? above.exceptions.map((rule) => ({ ...rule })) : [];
  policies.set(node, { allows: allow, exceptions: inherited });
}

/** What is denied to a node is denied to all below it. */
function deny(node: CgroupNode, rule: Rule): void {
  const [, ...below] = [...node.subtree()];
  const policy = policyOf(node);
  // Those below take what they have from here before it changes.
  for (const one of below) policyOf(one);
  if (policy.allows) add(policy, rule);
  else remove(policy, rule);
  for (const one of below) {
    const own = policyOf(one);
    if (policy.allows && own.allows) add(own, rule);
    else remove(own, rule);
    if (!own.allows) own.exceptions = own.exceptions.filter((each) => permitted(one, each));
  }
}

/** One write into devices.allow or devices.deny. */
function changeDevices(node: CgroupNode, text: string, allow: boolean): void {
  const rule = parse(text);
  if (rule === "all") changeAll(node, allow);
  else if (!allow) deny(node, rule);
  else if (!permitted(node, rule)) fail("EPERM");
  else if (policyOf(node).allows) remove(policyOf(node), rule);
  else add(policyOf(node), rule);
}

/** devices.list. A node that allows all but some shows only that it allows all. */
function listDevices(node: CgroupNode): string {
  const { allows, exceptions } = policyOf(node);
  if (allows) return "a *:* rwm\n";
  return exceptions.map((r) => `${r.type} ${r.major}:${r.minor} ${r.access}\n`).join("");
}

/** Whether processes of a css_set may do this with a device: `r`, `w`, or `m` for mknod(2). */
export function mayUseDevice(
  set: CssSet,
  kind: "character" | "block",
  device: DeviceNumber,
  access: string,
): boolean {
  const node = [...set.nodes.values()].find((n) => n.hierarchy.controllers.includes("devices"));
  if (!node?.parent) return true;
  const { allows, exceptions } = policyOf(node);
  const wanted: Rule = {
    type: kind === "character" ? "c" : "b",
    major: String(device.major),
    minor: String(device.minor),
    access: ordered(access),
  };
  if (allows) return !exceptions.some((one) => meets(one, wanted));
  return exceptions.some((one) => covers(one, wanted));
}

export const DEVICES: readonly ControlFile[] = filesOf(1, "devices", {
  "devices.allow": { write: (node, text) => changeDevices(node, text, true) },
  "devices.deny": { write: (node, text) => changeDevices(node, text, false) },
  "devices.list": { read: listDevices },
});
