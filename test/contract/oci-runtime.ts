// What the OCI runtime does on every kernel: the life of a container, its hooks, its limits.

import type { NacreError } from "@nacre/core/error.ts";
import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import type { Kernel } from "@nacre/core/ports/kernel.ts";
import { OciRuntime } from "@nacre/engine/oci/oci-runtime.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

export interface OciSubject {
  readonly kernel: Kernel;
  readonly files: Files;
  readonly clock: Clock;
  /** A directory with a rootfs: /bin with true, false, echo, cat and sleep, /proc, /dev, /tmp. */
  readonly bundle: string;
  /** A directory of the test's own. */
  readonly scratch: string;
  /** A process in the machine's own namespaces. */
  readonly pid: number;
  /** All that a container could leave behind. */
  state(): unknown;
  pass(ms: number): Promise<void>;
  dispose?(): void;
}

type Json = Record<string, unknown>;
const QUIET = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;
const PROCESS = { cwd: "/", args: ["sleep", "3600"], env: ["PATH=/bin"] };

const config = (more: Json = {}, linux: Json = {}): Json => ({
  ociVersion: "1.0.2",
  root: { path: "rootfs" },
  process: PROCESS,
  mounts: [{ destination: "/proc", type: "proc", source: "proc", options: ["nosuid"] }],
  ...more,
  linux: {
    namespaces: ["pid", "mount", "uts", "ipc"].map((type) => ({ type })),
    cgroupsPath: "/nacre-oci-contract/one",
    ...linux,
  },
});

export function ociRuntimeContract(name: string, makeSubject: () => Promise<OciSubject>): void {
  describe(`an OCI runtime on ${name}`, () => {
    let subject: OciSubject;
    let runtime: OciRuntime;
    let before: unknown;
    let warnings: string[];
    beforeEach(async () => {
      subject = await makeSubject();
      const { kernel, files, clock } = subject;
      warnings = [];
      runtime = new OciRuntime(kernel, files, clock, {
        root: `${subject.scratch}/state`,
        systemdCgroup: false,
        owner: () => "root",
        ids: { uid: 0, gid: 0 },
        pid: subject.pid,
        architecture: "amd64",
        environment: {},
        warn: (message) => warnings.push(message),
      });
      files.makeDirectory(`${subject.scratch}/state`);
      before = subject.state();
    });
    afterEach(async () => {
      for (const { id } of runtime.list()) await settled(runtime.delete(id, true));
      subject.dispose?.();
    });

    /** Of work whose waits pass with the machine's time. */
    async function settled<T>(work: Promise<T>): Promise<T> {
      let done = false;
      const end = work.finally(() => {
        done = true;
      });
      end.catch(() => {}); // thrown below
      while (!done) await subject.pass(5);
      return end;
    }
    async function refused(work: Promise<unknown>): Promise<NacreError> {
      try {
        await settled(work);
      } catch (error) {
        return error as NacreError;
      }
      throw new Error("it did not fail");
    }
    function create(given: Json, id = "one", more: { keepsKeyring?: boolean } = {}) {
      subject.files.replace(`${subject.bundle}/config.json`, JSON.stringify(given));
      const { bundle } = subject;
      return settled(runtime.create({ id, bundle, detached: true, streams: QUIET, ...more }));
    }
    const until = async (condition: () => boolean) => {
      for (let tries = 0; tries < 2_000 && !condition(); tries++) await subject.pass(10);
      expect(condition()).toBe(true);
    };
    const unchanged = async () => {
      const wanted = JSON.stringify(before);
      await until(() => JSON.stringify(subject.state()) === wanted).catch(() => {}); // said below
      expect(subject.state()).toEqual(before);
    };
    const hook = (program: string) => ({ path: `${subject.bundle}/rootfs/bin/${program}` });

    it("takes a container through its life, and leaves nothing of it", async () => {
      const { process } = await create(config({ annotations: { a: "b" } }));
      const state = {
        ociVersion: "1.2.0",
        id: "one",
        bundle: subject.bundle,
        annotations: { a: "b" },
      };
      expect(runtime.state("one")).toEqual({ ...state, status: "created", pid: process.pid });
      await settled(runtime.start("one"));
      expect(runtime.state("one").status).toBe("running");
      expect(await refused(runtime.start("one"))).toMatchObject({ kind: "conflict" });
      expect(await refused(runtime.delete("one", false))).toMatchObject({ kind: "conflict" });
      runtime.kill("one", 9, false);
      await until(() => runtime.state("one").status === "stopped");
      expect(() => runtime.kill("one", 9, false)).toThrow(/not running/);
      await settled(runtime.delete("one", false));
      expect(() => runtime.state("one")).toThrow(/does not exist/);
      await unchanged();
    });

    it("gives a name once", async () => {
      await create(config());
      const again = await refused(create(config({}, { cgroupsPath: "/nacre-oci-contract/two" })));
      expect(again.kind).toBe("exists");
      expect(runtime.state("one").status).toBe("created");
      await settled(runtime.delete("one", true));
      await unchanged();
    });

    it("names the field that cannot be had, and leaves nothing", async () => {
      const broken: [Json, string][] = [
        [config({ process: { ...PROCESS, args: ["absent"] } }), "process.args"],
        [config({ mounts: [{ destination: "/x", type: "nonsense" }] }), "mounts[0]"],
        [config({ hooks: { createRuntime: [hook("false")] } }), "hooks.createRuntime[0]"],
        [config({}, { resources: { cpu: { cpus: "4000" } } }), "linux.resources.cpu.cpus"],
      ];
      for (const [given, field] of broken) {
        expect((await refused(create(given))).message).toContain(`config.json: ${field}:`);
        await unchanged();
      }
    });

    it("is created without a process, but not started", async () => {
      const { process: _, ...rest } = config();
      await create(rest);
      expect(runtime.state("one").status).toBe("created");
      expect((await refused(runtime.start("one"))).message).toContain(
        "config.json: process is missing",
      );
      await until(() => runtime.state("one").status === "stopped");
      await settled(runtime.delete("one", false));
      await unchanged();
    });

    it("lives among the machine's own mounts where it has no mount namespace", async () => {
      const linux = { namespaces: [{ type: "pid" }, { type: "uts" }] };
      const rootfs = `${subject.bundle}/rootfs`;
      const mounted = () =>
        subject.kernel.mounts().filter(({ target }) => target.startsWith(rootfs));
      const broken = config({ process: { ...PROCESS, args: ["absent"] } }, linux);
      expect((await refused(create(broken))).message).toContain("config.json: process.args:");
      await unchanged();
      const { process } = await create(config({}, linux));
      expect(mounted().map(({ target }) => target)).toEqual([rootfs, `${rootfs}/proc`]);
      const [here, there] = [subject.pid, process.pid].map((pid) => subject.kernel.namespaces(pid));
      expect(there?.mnt).toBe(here?.mnt);
      await settled(runtime.start("one"));
      const command = { ...runtime.specOf("one").process!, args: ["sleep", "100"] };
      const more = { id: "one", process: command, detached: true, streams: QUIET };
      const { process: second } = await settled(runtime.exec(more));
      expect(runtime.processes("one")).toContain(second.pid);
      await settled(runtime.delete("one", true));
      expect(mounted()).toEqual([]);
      await unchanged();
    });

    it("runs hooks; those after the start may fail", async () => {
      const [works, fails] = [[hook("true")], [hook("false")]];
      const hooks = { prestart: works, createContainer: works, poststart: fails, poststop: fails };
      await create(config({ hooks }));
      await settled(runtime.start("one"));
      expect(runtime.state("one").status).toBe("running");
      await settled(runtime.delete("one", true));
      expect(warnings.map((text) => /hooks\.\w+\[0\]/.exec(text)?.[0])).toEqual([
        "hooks.poststart[0]",
        "hooks.poststop[0]",
      ]);
      await unchanged();
    });

    it("has a session keyring of its own, for what joins it too, or its creator's where that is asked for", async () => {
      for (const [id, keepsKeyring] of [
        ["one", false],
        ["two", true],
      ] as const) {
        const args = ["cat", "/proc/keys"];
        await create(config(), id, { keepsKeyring });
        await settled(runtime.start(id));
        const process = { ...runtime.specOf(id).process!, args };
        const streams = { ...QUIET, stdout: "pipe" } as const;
        const exec = { id, process, detached: false, streams };
        const running = await settled(runtime.exec(exec));
        const text = await settled(new Response(running.stdout).text());
        const own = text.split("\n").filter((line) => line.includes(` _ses.${id}:`));
        expect(own).toHaveLength(keepsKeyring ? 0 : 1);
        await settled(runtime.delete(id, true));
      }
      await unchanged();
    });

    it("holds and lets go, limits, and looks into it", async () => {
      await create(config({}, { resources: { pids: { limit: 20 } } }));
      await settled(runtime.start("one"));
      await settled(runtime.pause("one"));
      expect(runtime.state("one").status).toBe("paused");
      runtime.resume("one");
      await runtime.update("one", { pids: { limit: 30 } });
      const node = runtime.records.get("one").nodes.find((path) => path.includes("/pids/"));
      if (node) expect(subject.files.readText(`${node}/pids.max`)).toBe("30\n");
      const process = runtime.specOf("one").process!;
      const more = { ...process, args: ["sleep", "100"] };
      const exec = { id: "one", process: more, detached: true, streams: QUIET };
      const running = await settled(runtime.exec(exec));
      expect(runtime.processes("one")).toContain(running.process.pid);
      await settled(runtime.delete("one", true));
      await unchanged();
    });
  });
}
