// Operations that a child does to itself before it becomes the container's program.

import { type Credentials, capable } from "./credentials.ts";
import type { ErrnoName } from "./errno.ts";
import { because, fail } from "./errno.ts";
import { become, findImage } from "./exec.ts";
import type { Execution } from "./execution.ts";
import type { Of } from "./host-operations.ts";
import { unshare as unshareNamespaces } from "./namespace-calls.ts";

const HOSTNAME_MAX_BYTES = 64;
const RESOURCES = 16;
const NOFILE = 7;

export function unshare(self: Execution, o: Of<"unshare">): void {
  because("unshare", () => unshareNamespaces(self.machine, self.process, o.namespaces));
}

function checkName(self: Execution, name: string, call: string): string {
  const { owner } = self.process.namespaces.uts;
  if (!capable(self.process.credentials, "CAP_SYS_ADMIN", owner)) fail("EPERM", call);
  if (new TextEncoder().encode(name).length > HOSTNAME_MAX_BYTES) fail("EINVAL", call);
  return name;
}

export function setHostname(self: Execution, o: Of<"setHostname">): void {
  self.process.namespaces.uts.hostname = checkName(self, o.name, "sethostname");
}

export function setDomainname(self: Execution, o: Of<"setDomainname">): void {
  self.process.namespaces.uts.domainname = checkName(self, o.name, "setdomainname");
}

export function linkUp(self: Execution, o: Of<"linkUp">): void {
  const { net } = self.process.namespaces;
  const link = net.links.get(o.name) ?? fail("ENODEV", "link up");
  if (!capable(self.process.credentials, "CAP_NET_ADMIN", net.owner)) fail("EPERM", "link up");
  link.up = true;
}

export function setLimit(self: Execution, o: Of<"setLimit">): void {
  if (o.resource < 0 || o.resource >= RESOURCES || o.soft > o.hard) fail("EINVAL", "setrlimit");
  const before = self.process.limits.get(o.resource);
  const raises = before !== undefined && o.hard > before.hard;
  if (raises && !capable(self.process.credentials, "CAP_SYS_RESOURCE")) fail("EPERM", "setrlimit");
  // fs.nr_open is the most that RLIMIT_NOFILE can be, also for root.
  if (o.resource === NOFILE && o.hard > 1048576n) fail("EPERM", "setrlimit");
  self.process.limits.set(o.resource, { soft: o.soft, hard: o.hard });
}

export function setUmask(self: Execution, o: Of<"setUmask">): void {
  self.umask = o.mask & 0o777;
}

/** EPERM for who leads a process group already, as a session's leader does. */
export function newSession(self: Execution): void {
  if (self.process.session === self.process) fail("EPERM", "setsid");
  self.process.session = self.process;
}

const change = (self: Execution, by: Partial<Credentials>): void => {
  self.process.credentials = { ...self.process.credentials, ...by };
};

export function boundCapabilities(self: Execution, o: Of<"boundCapabilities">): void {
  const { bounding } = self.process.credentials;
  const dropped = bounding & ~o.bounding;
  if (dropped !== 0n && !capable(self.process.credentials, "CAP_SETPCAP")) {
    fail("EPERM", "PR_CAPBSET_DROP");
  }
  change(self, { bounding: bounding & o.bounding });
}

/** With PR_SET_KEEPCAPS: the permitted set stays, the effective one goes with uid 0. */
export function setUser(self: Execution, o: Of<"setUser">): void {
  const who = self.process.credentials;
  if (!capable(who, "CAP_SETGID")) fail("EPERM", "setgroups");
  if (o.uid !== who.uid && !capable(who, "CAP_SETUID")) fail("EPERM", "setresuid");
  if (o.uid < 0 || o.uid > 0xfffffffe) fail("EINVAL", "setresuid");
  const leavesRoot = who.uid === 0 && o.uid !== 0;
  change(self, {
    uid: o.uid,
    gid: o.gid,
    groups: [...o.groups],
    effective: leavesRoot ? 0n : who.effective,
    ambient: leavesRoot ? 0n : who.ambient,
  });
}

export function setCapabilities(self: Execution, o: Of<"setCapabilities">): void {
  const who = self.process.credentials;
  const gained = o.permitted & ~who.permitted;
  const beyond = o.effective & ~o.permitted;
  const inherited = o.inheritable & ~(who.inheritable | who.permitted) & ~who.bounding;
  if (gained !== 0n || beyond !== 0n || inherited !== 0n) fail("EPERM", "capset");
  if ((o.ambient & ~(o.permitted & o.inheritable)) !== 0n) fail("EPERM", "ambient capability");
  const { effective, permitted, inheritable, ambient } = o;
  change(self, { effective, permitted, inheritable, ambient });
}

export function noNewPrivileges(self: Execution): void {
  change(self, { noNewPrivileges: true });
}

/** Finds the program; the child becomes it when its parent knows that it will. */
export function execute(self: Execution, o: Of<"execute">): void {
  const { machine, process } = self;
  process.umask = self.umask;
  const image = because(o.arguments[0] ?? "no command", () =>
    findImage(machine, process, o.arguments, o.environment),
  );
  become(process, image, o.environment);
  self.start = () => machine.start(process, image.program);
}

/** Errors of `execute` that say that the command is not there, or cannot be executed. */
export const NOT_FOUND: readonly ErrnoName[] = ["ENOENT", "ENOTDIR"];
export const NOT_EXECUTABLE: readonly ErrnoName[] = ["EACCES", "ENOEXEC", "EPERM", "EISDIR"];
