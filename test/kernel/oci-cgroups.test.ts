// Where a config.json's container stands among cgroups, and what limits it there, on version 1 and 2:
// config-linux.md, "Control groups". The table of sections: docs/OCI-RUNTIME.md.

import { existsSync, readFileSync, statSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Config, OciBench, UNIFIED } from "./oci-bench.ts";

let bench: OciBench;
beforeAll(() => {
  bench = new OciBench();
});
afterAll(() => bench?.[Symbol.dispose]());

/** The node's directory, which is one for all controllers of version 2. */
const nodeOf = (controller: string, path: string): string =>
  UNIFIED ? `/sys/fs/cgroup${path}` : `/sys/fs/cgroup/${controller}${path}`;
/** What `limited` is, as the controllers say it. */
const LIMITS: readonly (readonly [controller: string, file: string, value: string])[] = UNIFIED
  ? [
      ["memory", "memory.max", String(64 << 20)],
      ["memory", "memory.low", String(32 << 20)],
      ["cpu", "cpu.weight", "59"],
      ["cpu", "cpu.max", "20000 100000"],
      ["cpuset", "cpuset.cpus", "0"],
      ["pids", "pids.max", "50"],
    ]
  : [
      ["memory", "memory.limit_in_bytes", String(64 << 20)],
      ["memory", "memory.soft_limit_in_bytes", String(32 << 20)],
      ["cpu", "cpu.shares", "512"],
      ["cpu", "cpu.cfs_quota_us", "20000"],
      ["cpuset", "cpuset.cpus", "0"],
      ["pids", "pids.max", "50"],
    ];

describe("linux.cgroupsPath, resources", () => {
  it("are named where the kernel would have said nothing of them, or of a path alone", () => {
    const refusal = (change: (config: Config) => void) =>
      bench.call(["create", "-b", bench.bundle("true", change), bench.id()]).stderr;
    for (const path of [`/${"a".repeat(300)}`, "/a\nb", `/${"a/".repeat(3000)}`]) {
      const said = refusal((config) => {
        config.linux.cgroupsPath = path;
      });
      expect(said).toContain("config.json: linux.cgroupsPath cannot be made");
    }
    const tooLow = refusal((config) => {
      config.linux.resources = { memory: { limit: 4096 } };
    });
    expect(tooLow).toMatch(/config\.json: linux\.resources\.memory\.limit: .*is it too low\?/);
    const { stderr } = bench.call([
      ...["run", "-b"],
      bench.bundle("true", (config) => {
        config.linux.resources = { memory: { kernel: 1 << 20 } };
      }),
      bench.id(),
    ]);
    expect(stderr).toContain("warning: config.json: linux.resources.memory.kernel: the cgroups");
  });

  const limited = (config: Config): void => {
    config.linux.resources = {
      memory: { limit: 64 << 20, reservation: 32 << 20, swappiness: 10 },
      cpu: { shares: 512, quota: 20000, period: 100000, cpus: "0" },
      pids: { limit: 50 },
      devices: [
        { allow: false, access: "rwm" },
        { allow: true, type: "c", major: 10, minor: 229, access: "rw" },
      ],
    };
  };

  it("stand below a node of ours that goes with the last of them, whoever made it", () => {
    const ours = nodeOf("pids", "/nacre-oci");
    const [first, second] = [bench.id(), bench.id()];
    for (const id of [first, second]) bench.does(["create", "-b", bench.bundle("sleep 100"), id]);
    bench.does(["delete", "--force", first]);
    expect(existsSync(`${ours}/${second}`)).toBe(true);
    bench.does(["delete", "--force", second]);
    expect(existsSync(ours)).toBe(false);
  });

  it.each([["/nacre-oci-abs/a"], ["nacre-oci-rel/a"]])("hold below %s", (path) => {
    const id = bench.id();
    const bundle = bench.bundle("sleep 100", (config) => {
      limited(config);
      config.linux.cgroupsPath = path;
    });
    bench.does(["create", "-b", bundle, id]);
    const below = path.startsWith("/") ? path : `/${path}`;
    const read = ([controller, file]: (typeof LIMITS)[number]): string =>
      readFileSync(`${nodeOf(controller, below)}/${file}`, "utf8").trim();
    expect(LIMITS.map((one) => [one[1], read(one)])).toEqual(
      LIMITS.map(([, file, value]) => [file, value]),
    );
    if (!UNIFIED) {
      expect(read(["devices", "devices.list", ""]).split("\n")).toContain("c 10:229 rw");
    }
    bench.does(["delete", "-f", id]);
    expect(() => statSync(nodeOf("pids", below))).toThrow();
  });

  it("stand where systemd would have them, with --systemd-cgroup", () => {
    const id = bench.id();
    const bundle = bench.bundle("sleep 100", (config) => {
      config.linux.cgroupsPath = `nacre-oci.slice:test:${id}`;
    });
    bench.does(["--systemd-cgroup", "create", "-b", bundle, id]);
    const node = nodeOf("pids", `/nacre.slice/nacre-oci.slice/test-${id}.scope`);
    expect(statSync(node).isDirectory()).toBe(true);
    bench.does(["delete", "-f", id]);
    expect(() => statSync(nodeOf("pids", "/nacre.slice"))).toThrow();
  });

  it("are shown by a cgroup mount", () => {
    expect(bench.lines(`cat ${nodeOf("pids", "")}/pids.max`, limited)).toEqual(["50"]);
  });

  // Version 2 shows the whole tree there, as every mount of it does.
  it.skipIf(UNIFIED)("and by one of version 1 without a namespace of its own", () => {
    const shared = (config: Config): void => {
      limited(config);
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "cgroup");
    };
    expect(bench.lines("cat /sys/fs/cgroup/pids/pids.max", shared)).toEqual(["50"]);
  });
});
