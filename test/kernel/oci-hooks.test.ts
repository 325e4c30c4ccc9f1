// Hooks: config.md, "POSIX-platform Hooks"; runtime.md, "Lifecycle".

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Config, OciBench } from "./oci-bench.ts";

let bench: OciBench;
beforeAll(() => {
  bench = new OciBench();
});
afterAll(() => bench?.[Symbol.dispose]());

const STAGES = [
  "prestart",
  "createRuntime",
  "createContainer",
  "startContainer",
  "poststart",
  "poststop",
];

/** Every stage writes its name and its state to a file of the bundle's root. */
function recorded(bundle: () => string): (config: Config) => void {
  const log = () => join(bundle(), "rootfs/log");
  return (config) => {
    config.annotations = { colour: "nacre" };
    const outside = (stage: string) => ({
      path: "/bin/sh",
      args: ["sh", "-c", `echo "${stage} $A $(readlink /proc/self/ns/mnt) $(cat)" >> ${log()}`],
      env: ["PATH=/usr/bin:/bin", "A=hook"],
    });
    const inside = {
      path: "/bin/sh",
      args: ["sh", "-c", 'echo "startContainer $A $(readlink /proc/self/ns/mnt) $(cat)" >> /log'],
      env: ["PATH=/bin", "A=hook"],
    };
    config.hooks = Object.fromEntries(
      STAGES.map((stage) => [stage, [stage === "startContainer" ? inside : outside(stage)]]),
    );
  };
}

interface Said {
  readonly stage: string;
  readonly namespace: string;
  readonly state: { id: string; status: string; pid: number; bundle: string; annotations: unknown };
}

const said = (bundle: string): Said[] =>
  readFileSync(join(bundle, "rootfs/log"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => {
      const [stage = "", , namespace = "", ...rest] = line.split(" ");
      return { stage, namespace, state: JSON.parse(rest.join(" ")) };
    });

describe("hooks", () => {
  it("run at every stage, in order, where they belong, with the state on their input", async () => {
    await bench.unchanged(async () => {
      const id = bench.id();
      let bundle = "";
      const change = recorded(() => bundle);
      bundle = bench.bundle("sleep 100");
      const path = join(bundle, "config.json");
      const config = JSON.parse(readFileSync(path, "utf8"));
      change(config);
      writeFileSync(path, JSON.stringify(config));
      bench.does(["create", "-b", bundle, id]);
      expect(said(bundle).map(({ stage }) => stage)).toEqual(STAGES.slice(0, 3));
      const { pid } = JSON.parse(bench.does(["state", id]));
      bench.does(["start", id]);
      expect(said(bundle).map(({ stage }) => stage)).toEqual(STAGES.slice(0, 5));
      bench.does(["delete", "-f", id]);
      const all = said(bundle);
      expect(all.map(({ stage }) => stage)).toEqual(STAGES);
      const common = { id, bundle, annotations: { colour: "nacre" }, ociVersion: "1.2.0" };
      expect(all.map(({ state }) => state)).toEqual([
        { ...common, status: "created", pid },
        { ...common, status: "creating", pid },
        { ...common, status: "creating", pid: 1 },
        { ...common, status: "created", pid: 1 },
        { ...common, status: "running", pid },
        { ...common, status: "stopped", pid: 0 },
      ]);
      const [first, second, third, fourth, fifth, sixth] = all.map(({ namespace }) => namespace);
      expect([second, fifth, sixth]).toEqual([first, first, first]);
      expect(third).not.toBe(first);
      expect(fourth).toBe(third);
    });
  });

  it.each(["prestart", "createRuntime", "createContainer"])(
    "of %s that fail end the container, and what follows is poststop",
    async (stage) => {
      await bench.unchanged(() => {
        const after = bench.path(`after-${stage}`);
        const bundle = bench.bundle("touch /ran", (config) => {
          config.hooks = {
            [stage]: [{ path: "/bin/sh", args: ["sh", "-c", "echo no luck; exit 3"] }],
            poststop: [{ path: "/bin/touch", args: ["touch", after] }],
          };
        });
        const { code, stderr } = bench.call(["create", "-b", bundle, bench.id()]);
        expect(code).not.toBe(0);
        expect(stderr).toContain(`config.json: hooks.${stage}[0]:`);
        expect(stderr).toContain("exited with 3: no luck");
        expect(existsSync(after)).toBe(true);
        expect(existsSync(join(bundle, "rootfs/ran"))).toBe(false);
      });
    },
  );

  it("of startContainer that fail end the start", async () => {
    const id = bench.id();
    const bundle = bench.bundle("touch /ran", (config) => {
      config.hooks = { startContainer: [{ path: "/bin/absent" }] };
    });
    bench.does(["create", "-b", bundle, id]);
    const { code, stderr } = bench.call(["start", id]);
    expect(code).not.toBe(0);
    expect(stderr).toContain("/bin/absent exited with 127");
    await bench.until(() => bench.status(id) === "stopped");
    expect(existsSync(join(bundle, "rootfs/ran"))).toBe(false);
    bench.does(["delete", id]);
  });

  it("of poststart and poststop that fail are warned of, and the rest goes on", async () => {
    const id = bench.id();
    const after = bench.path("after");
    const bundle = bench.bundle("sleep 100", (config) => {
      const both = [
        { path: "/bin/false" },
        { path: "/bin/sh", args: ["sh", "-c", `echo x >> ${after}`] },
      ];
      config.hooks = { poststart: both, poststop: both };
    });
    bench.does(["create", "-b", bundle, id]);
    const started = bench.call(["start", id]);
    expect(started.code).toBe(0);
    expect(started.stderr).toContain("warning: config.json: hooks.poststart[0]");
    expect(bench.status(id)).toBe("running");
    const deleted = bench.call(["delete", "-f", id]);
    expect(deleted.code).toBe(0);
    expect(deleted.stderr).toContain("warning: config.json: hooks.poststop[0]");
    expect(readFileSync(after, "utf8")).toBe("x\nx\n");
  });

  it("have so many seconds and no more", async () => {
    await bench.unchanged(() => {
      const bundle = bench.bundle("true", (config) => {
        config.hooks = {
          createRuntime: [{ path: "/bin/sleep", args: ["sleep", "60"], timeout: 1 }],
        };
      });
      const { stderr } = bench.call(["create", "-b", bundle, bench.id()]);
      expect(stderr).toContain("did not end in 1000 ms");
    });
  });
});
