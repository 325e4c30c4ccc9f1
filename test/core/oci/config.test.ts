// A config.json that lies: whatever is wrong with it is said of the field that is wrong.

import { NacreError } from "@nacre/core/error.ts";
import { readConfig } from "@nacre/core/oci/config.ts";
import { describe, expect, it } from "vitest";

type Json = Record<string, unknown>;

/** The smallest that is whole. */
const sound = (): Json => ({
  ociVersion: "1.0.2",
  root: { path: "rootfs" },
  process: { cwd: "/", args: ["sh"] },
  linux: { namespaces: [{ type: "mount" }, { type: "pid" }] },
});

/** With something else at a path such as `process.args`. */
function changed(path: string, value: unknown): Json {
  const config = sound();
  const steps = path.split(".");
  let at: Json = config;
  for (const step of steps.slice(0, -1)) {
    at[step] ??= {};
    at = at[step] as Json;
  }
  at[steps.at(-1) as string] = value;
  return config;
}

function refusal(config: unknown): NacreError {
  try {
    readConfig(typeof config === "string" ? config : JSON.stringify(config), () => {});
  } catch (error) {
    if (error instanceof NacreError) return error;
    throw error;
  }
  throw new Error("it was taken");
}

const USER = [{ type: "mount" }, { type: "user" }];
const map = (containerID: number, hostID: number, size: number) => ({ containerID, hostID, size });

const WRONG: readonly (readonly [path: string, value: unknown, field: string])[] = [
  ["ociVersion", undefined, "ociVersion is missing"],
  ["ociVersion", "invalid", "ociVersion is"],
  ["ociVersion", "2.0.0", "ociVersion is"],
  ["ociVersion", 1, "ociVersion must be a text"],
  ["root", undefined, "root.path is missing"],
  ["root.path", 7, "root.path must be a text"],
  ["root.readonly", "yes", "root.readonly must be true or false"],
  ["process.args", [], "process.args must have"],
  ["process.args", ["sh", 1], "process.args[1] must be a text"],
  ["process.args", "sh", "process.args must be a list"],
  ["process.cwd", "tmp", "process.cwd must be an absolute path"],
  ["process.cwd", undefined, "process.cwd is missing"],
  ["process.env", ["A"], "process.env[0] must be NAME=VALUE"],
  ["process.env", ["A=\0"], "process.env[0] has a NUL"],
  ["process.user", { uid: -1 }, "process.user.uid must be from 0"],
  // To the kernel it says that the user stays who it is: root.
  ["process.user", { uid: 4294967295 }, "process.user.uid must be from 0"],
  ["process.user", { gid: 4294967295 }, "process.user.gid must be from 0"],
  ["process.user", { uid: 1.5 }, "process.user.uid must be a whole number"],
  ["process.user", { additionalGids: [4294967296] }, "process.user.additionalGids[0] must be"],
  ["process.capabilities", { bounding: ["CAP_TEST"] }, "process.capabilities.bounding[0] is no"],
  ["process.rlimits", [{ type: "RLIMIT_TEST", soft: 1, hard: 1 }], "process.rlimits[0].type is no"],
  ["process.rlimits", [{ type: "RLIMIT_CPU", hard: 1 }], "process.rlimits[0].soft is missing"],
  [
    "process.rlimits",
    [{ type: "RLIMIT_CPU", soft: 2, hard: 1 }],
    "process.rlimits[0].soft is more",
  ],
  ["process.oomScoreAdj", 1001, "process.oomScoreAdj must be from -1000 to 1000"],
  ["process.ioPriority", { class: "BEST" }, "process.ioPriority.class is"],
  ["process.scheduler", { policy: "SCHED_BEST" }, "process.scheduler.policy is"],
  [
    "process.scheduler",
    { policy: "SCHED_OTHER", priority: 5 },
    "process.scheduler.priority is for",
  ],
  ["process.scheduler", { policy: "SCHED_FIFO", runtime: 5 }, "process.scheduler.runtime is for"],
  ["hostname", "h", "hostname needs a uts namespace"],
  ["mounts", [{ type: "tmpfs" }], "mounts[0].destination is missing"],
  ["mounts", [{ destination: "/a" }], "mounts[0].type is missing"],
  ["mounts", [{ destination: "/a", type: "bind" }], "mounts[0].source is missing"],
  ["mounts", [{ destination: "/a", type: "tmpfs", options: "ro" }], "mounts[0].options must be"],
  ["mounts", [{ destination: "/", type: "tmpfs" }], "mounts[0].destination is the root itself"],
  ["mounts", [{ destination: "./", type: "tmpfs" }], "mounts[0].destination is the root itself"],
  [
    "mounts",
    [{ destination: "/a", source: "/b", options: ["bind", "idmap"] }],
    "mounts[0].options[1] needs uidMappings and gidMappings",
  ],
  ["annotations", { "": "a" }, "annotations has an empty name in it"],
  ["hooks", { prestart: [{ path: "bin" }] }, "hooks.prestart[0].path must be an absolute path"],
  ["hooks", { poststop: [{ path: "/b", timeout: 0 }] }, "hooks.poststop[0].timeout must be more"],
  ["annotations", { a: 1 }, "annotations.a must be a text"],
  ["linux.namespaces", [{ type: "pidd" }], "linux.namespaces[0].type is"],
  ["linux.namespaces", [{ type: "mount" }, { type: "mount" }], "linux.namespaces[1].type stands"],
  ["linux.namespaces", [{ type: "mount", path: "x" }], "linux.namespaces[0].path must be an abs"],
  ["linux.uidMappings", [map(0, 0, 1)], "linux.uidMappings needs a user namespace"],
  ["linux.sysctl", { "kernel.panic": "1" }, 'linux.sysctl["kernel.panic"] is a parameter of the'],
  ["linux.sysctl", { "net.ipv4.ip_forward": "1" }, 'linux.sysctl["net.ipv4.ip_forward"] needs a'],
  [
    "linux.sysctl",
    { "kernel.hostname": "h" },
    'linux.sysctl["kernel.hostname"] is set by hostname',
  ],
  ["linux.timeOffsets", { boottime: { secs: 1 } }, "linux.timeOffsets needs a new time namespace"],
  ["linux.rootfsPropagation", "open", "linux.rootfsPropagation is"],
  ["linux.maskedPaths", ["proc"], "linux.maskedPaths[0] must be an absolute path"],
  ["linux.personality", { domain: "BSD" }, "linux.personality.domain is"],
  ["linux.memoryPolicy", { mode: "MPOL_BIN" }, "linux.memoryPolicy.mode is"],
  ["linux.memoryPolicy", { mode: "MPOL_BIND", nodes: "1-0" }, "linux.memoryPolicy.nodes is no"],
  ["linux.memoryPolicy", { mode: "MPOL_BIND", flags: ["F"] }, "linux.memoryPolicy.flags[0] is"],
  ["linux.devices", [{ path: "/dev/x", type: "z" }], "linux.devices[0].type is"],
  ["linux.devices", [{ path: "/dev/x", type: "c", minor: 1 }], "linux.devices[0].major is missing"],
  ["linux.resources", { memory: { limit: "64m" } }, "linux.resources.memory.limit must be"],
  ["linux.resources", { memory: { limit: 9, swap: 8 } }, "linux.resources.memory.swap is memory"],
  ["linux.resources", { memory: { limit: 1e26 } }, "linux.resources.memory.limit must be from -1"],
  ["linux.resources", { memory: { swappiness: 101 } }, "linux.resources.memory.swappiness must"],
  ["linux.resources", { cpu: { cpus: "a" } }, "linux.resources.cpu.cpus is no list"],
  ["linux.resources", { pids: {} }, "linux.resources.pids.limit is missing"],
  [
    "linux.resources",
    { devices: [{ access: "r" }] },
    "linux.resources.devices[0].allow is missing",
  ],
  [
    "linux.resources",
    { devices: [{ allow: true, access: "x" }] },
    "linux.resources.devices[0].access must be of r, w and m",
  ],
  [
    "linux.resources",
    { hugepageLimits: [{ pageSize: "3MB", limit: 1 }] },
    "linux.resources.hugepageLimits[0].pageSize is no size",
  ],
  ["linux.resources", { unified: { "../x": "1" } }, 'linux.resources.unified["../x"] is no file'],
];

describe("a config.json that lies", () => {
  it.each(WRONG)("%s as %j is refused by its field", (path, value, field) => {
    const error = refusal(changed(path, value));
    expect(error.kind).toBe("invalid");
    expect(error.message).toContain(`config.json: ${field}`);
  });

  it("has maps of IDs that overlap, are too long or are not there", () => {
    const withMaps = (uids: unknown, gids: unknown = [map(0, 1000, 1)]) => {
      const config = changed("linux.namespaces", USER);
      Object.assign(config.linux as Json, { uidMappings: uids, gidMappings: gids });
      return refusal(config).message;
    };
    const [one, other] = [map(0, 1000, 10), map(5, 2000, 10)];
    expect(withMaps([one, other])).toContain(
      "linux.uidMappings[1] overlaps an earlier entry by its containerID",
    );
    expect(withMaps([one, map(20, 1009, 2)])).toContain(
      "[1] overlaps an earlier entry by its hostID",
    );
    expect(withMaps([map(0, 4294967290, 20)])).toContain("[0] goes past the last ID");
    expect(withMaps([map(0, 1, 0)])).toContain("linux.uidMappings[0].size must be from 1");
    expect(withMaps([one], [])).toContain("linux.gidMappings is missing");
  });

  it("asks for what there is not, and is told so", () => {
    const ids = [map(0, 1000, 1)];
    const maps = { uidMappings: ids, gidMappings: ids };
    const bind = { destination: "/a", source: "/b", options: ["bind", "idmap=uids=0-1-10"] };
    for (const [path, value, field] of [
      ["linux.intelRdt", { closID: "x" }, "linux.intelRdt"],
      ["linux.netDevices", { eth0: {} }, "linux.netDevices"],
      ["mounts", [{ destination: "/a", type: "tmpfs", ...maps }], "mounts[0].uidMappings"],
      ["mounts", [bind], "mounts[0].options[1]"],
    ] as const) {
      const error = refusal(changed(path, value));
      expect(error).toMatchObject({ kind: "unsupported" });
      expect(error.message).toContain(`config.json: ${field}:`);
    }
  });

  it("is no JSON, or no object", () => {
    expect(refusal("{").message).toContain("config.json is not JSON");
    expect(refusal("[]").message).toContain("must be an object");
    expect(refusal("null").message).toContain("ociVersion is missing");
  });
});

describe("a config.json that is sound", () => {
  it("may have what nobody knows, and null for what is not set", () => {
    const config = { ...sound(), unknown: { a: 1 }, hooks: null, mounts: null, annotations: null };
    expect(readConfig(JSON.stringify(config), () => {})).toMatchObject({ mounts: [] });
  });

  it("keeps numbers of 64 bits", () => {
    const text = JSON.stringify(
      changed("process.rlimits", [{ type: "RLIMIT_AS", soft: 1, hard: 0 }]),
    ).replace('"hard":0', '"hard":18446744073709551615');
    const { process } = readConfig(text, () => {});
    expect(process?.rlimits).toEqual([{ type: "RLIMIT_AS", soft: 1n, hard: (1n << 64n) - 1n }]);
  });

  it("is warned of capabilities that no kernel has, from version 1.1 on", () => {
    const warnings: string[] = [];
    const config = { ...changed("process.capabilities", { bounding: ["CAP_TEST", "CAP_KILL"] }) };
    config.ociVersion = "1.1.0";
    const { process } = readConfig(JSON.stringify(config), (message) => warnings.push(message));
    expect(process?.capabilities.bounding).toEqual(["CAP_KILL"]);
    expect(warnings[0]).toContain('process.capabilities.bounding[0] is no capability: "CAP_TEST"');
  });
});
