// Operations that a child does to itself before it becomes the container's program.

import { CAPABILITIES } from "@nacre/core/program/capabilities.ts";
import * as credentials from "./credential-calls.ts";
import { capable } from "./credentials.ts";
import type { ErrnoName } from "./errno.ts";
import { because, fail } from "./errno.ts";
import { become, findImage } from "./exec.ts";
import type { Execution } from "./execution.ts";
import type { Of } from "./host-operations.ts";
import * as namespaces from "./namespace-calls.ts";
import * as processes from "./process-calls.ts";
import * as limits from "./process-limits.ts";
import { addFilter, requireCall } from "./seccomp.ts";

export function unshare(self: Execution, o: Of<"unshare">): void {
  because("unshare", () => namespaces.unshare(self.machine, self.process, o.namespaces));
}

export function enterTimeNamespace({ machine, process }: Execution): void {
  because("setns", () => namespaces.join(machine, process, process.timeForChildren, "time"));
}

export function setHostname(self: Execution, o: Of<"setHostname">): void {
  because("sethostname", () => namespaces.setHostname(self.process, o.name));
}

export function setDomainname(self: Execution, o: Of<"setDomainname">): void {
  because("setdomainname", () => namespaces.setDomainname(self.process, o.name));
}

export function linkUp(self: Execution, o: Of<"linkUp">): void {
  const { net } = self.process.namespaces;
  const link = net.links.get(o.name) ?? fail("ENODEV", "link up");
  if (!capable(self.process.credentials, "CAP_NET_ADMIN", net.owner)) fail("EPERM", "link up");
  link.up = true;
}

export function setLimit(self: Execution, o: Of<"setLimit">): void {
  const { resource, soft, hard } = o;
  const whose = self.section === "parent" ? (self.child ?? fail("ESRCH")) : self.process;
  because("setrlimit", () =>
    limits.setLimit(whose, resource, { soft, hard }, self.process.credentials),
  );
}

export function setUmask(self: Execution, o: Of<"setUmask">): void {
  self.umask = o.mask & 0o777;
}

export function newSession(self: Execution): void {
  because("setsid", () => processes.newSession(self.machine, self.process));
}

export function boundCapabilities(self: Execution, o: Of<"boundCapabilities">): void {
  const dropped = ~o.bounding; // also what is gone already: that asks for the right, too
  because("PR_CAPBSET_DROP", () => {
    for (const [number] of CAPABILITIES.entries()) {
      if ((dropped & (1n << BigInt(number))) !== 0n) {
        credentials.dropFromBounding(self.process, number);
      }
    }
  });
}

const everyId = (id: number) => ({ real: id, effective: id, saved: id });

/** With PR_SET_KEEPCAPS: the permitted set stays, the effective one goes with uid 0. */
export function setUser(self: Execution, o: Of<"setUser">): void {
  const { process } = self;
  credentials.keepCapabilities(process, true);
  if (!o.keepsGroups) because("setgroups", () => credentials.setGroups(process, o.groups));
  because("setresgid", () => credentials.setGroupIds(process, everyId(o.gid)));
  because("setresuid", () => credentials.setUsers(process, everyId(o.uid)));
}

export function setCapabilities(self: Execution, o: Of<"setCapabilities">): void {
  because("capset", () => credentials.setCapabilities(self.process, o));
  credentials.clearAmbient(self.process);
  because("ambient capability", () => {
    for (const [number] of CAPABILITIES.entries()) {
      if ((o.ambient & (1n << BigInt(number))) !== 0n) {
        credentials.raiseAmbient(self.process, number);
      }
    }
  });
}

export function noNewPrivileges(self: Execution): void {
  credentials.setNoNewPrivileges(self.process);
}

const INSTRUCTION_BYTES = 8;
const MOST_INSTRUCTIONS = 4096;

export function filterSystemCalls(self: Execution, o: Of<"filterSystemCalls">): void {
  const { length } = o.filter;
  const whole = length > 0 && length % INSTRUCTION_BYTES === 0;
  if (self.filter || !whole) fail("EINVAL", "no filter");
  if (length > MOST_INSTRUCTIONS * INSTRUCTION_BYTES) fail("EINVAL", "the filter is too long");
  self.filter = o.filter;
}

/** Finds the program; the child becomes it when its parent knows that it will. */
export function execute(self: Execution, o: Of<"execute">): void {
  const { machine, process } = self;
  process.umask = self.umask;
  const image = because(o.arguments[0] ?? "no command", () =>
    findImage(machine, process, o.arguments, o.environment),
  );
  if (self.filter) {
    addFilter(process, self.filter);
    because(o.arguments[0] ?? "", () => requireCall(machine, process, "execve"));
  }
  become(process, image, o.environment);
  self.start = () => machine.start(process, image.program);
}

/** Errors of `execute` that say that the command is not there, or cannot be executed. */
export const NOT_FOUND: readonly ErrnoName[] = ["ENOENT", "ENOTDIR"];
export const NOT_EXECUTABLE: readonly ErrnoName[] = ["EACCES", "ENOEXEC", "EPERM", "EISDIR"];
