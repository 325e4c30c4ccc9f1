// What the runtime can do, in the words of the specification (features.md, features-linux.md).

import { HOOK_STAGES } from "@nacre/core/oci/runtime-spec.ts";
import { CAPABILITIES } from "@nacre/core/program/capabilities.ts";

const ATTRIBUTES = [
  ...["ro", "rw", "nosuid", "suid", "nodev", "dev", "noexec", "exec", "noatime", "atime"],
  ...["nodiratime", "diratime", "strictatime", "nostrictatime", "relatime", "norelatime"],
  ...["nosymfollow", "symfollow"],
];
const OTHERS = [
  ...["bind", "rbind", "remount", "defaults", "sync", "async", "dirsync", "lazytime"],
  ...["private", "rprivate", "slave", "rslave", "shared", "rshared", "unbindable", "runbindable"],
  ...["tmpcopyup", "idmap", "ridmap", "copy-symlink", "silent", "loud", "mand", "nomand"],
];

export const FEATURES = {
  ociVersionMin: "1.0.0",
  ociVersionMax: "1.2.0",
  hooks: HOOK_STAGES,
  mountOptions: [...ATTRIBUTES, ...ATTRIBUTES.map((name) => `r${name}`), ...OTHERS].sort(),
  linux: {
    namespaces: ["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"],
    capabilities: CAPABILITIES,
    cgroup: { v1: true, v2: true, systemd: true, systemdUser: false, rdma: true },
    apparmor: { enabled: true },
    selinux: { enabled: true },
    intelRdt: { enabled: false },
    mountExtensions: { idmap: { enabled: true } },
  },
  annotations: {},
};
