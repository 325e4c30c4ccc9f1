// What the tests of the OCI runtime share: bundles with busybox in them, `nacre-runtime` as a
// process, and the machine to compare before and after.

import { spawnSync } from "node:child_process";
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { exampleConfig } from "../../cli/oci/spec.ts";
import {
  leaked,
  type MachineState,
  machineState,
  type RunMark,
} from "../../scripts/machine-state.ts";
import { makeRoot } from "./native.ts";

export const RUNTIME = fileURLToPath(new URL("../../cli/bin/nacre-runtime", import.meta.url));
const MARK = "NACRE_TEST_BENCH";
const SETTLE_MS = 30_000;
/** A process or a cgroup may go that an earlier test has ended; these stay. */
const STANDING = ["mount", "network link", "loop device"];

/** Version 2 of cgroups alone, in one hierarchy. */
export const UNIFIED = existsSync("/sys/fs/cgroup/cgroup.controllers");

type Json = Record<string, unknown>;

/** A config.json that tests change at will. */
export interface Config extends Json {
  process: Json;
  root: Json;
  mounts: { destination: string; type?: string; source?: string; options?: string[] }[];
  linux: Json & { namespaces: { type: string; path?: string }[]; resources: Json };
}

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CallOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** Descriptors from 3 on: paths of files that are opened to read. */
  readonly more?: readonly string[];
  readonly input?: string;
}

export class OciBench implements Disposable {
  readonly base = mkdtempSync(join(tmpdir(), "nacre-oci-"));
  readonly root = join(this.base, "state");
  readonly #mark: RunMark;
  #count = 0;

  constructor() {
    this.#mark = { name: MARK, value: this.base, temporary: this.base };
    process.env[MARK] = this.base;
    makeRoot(join(this.base, "rootfs"));
  }

  path(...names: readonly string[]): string {
    return join(this.base, ...names);
  }

  id(): string {
    return `c${++this.#count}-${process.pid}`;
  }

  /** Calls the runtime. Its output goes to files: what waits for its start keeps them open. */
  call(words: readonly string[], options: CallOptions = {}): Outcome {
    const files = ["out", "err"].map((name) => this.path(`${name}-${++this.#count}`));
    const opened = files.map((path) => openSync(path, "w"));
    const more = (options.more ?? []).map((path) => openSync(path, "r"));
    const { status, signal } = spawnSync(RUNTIME, ["--root", this.root, ...words], {
      stdio: [options.input === undefined ? "ignore" : "pipe", ...opened, ...more],
      ...(options.input !== undefined && { input: options.input }),
      env: { ...process.env, [MARK]: this.base, ...options.environment },
      timeout: 60_000,
    });
    for (const descriptor of [...opened, ...more]) closeSync(descriptor);
    const [stdout = "", stderr = ""] = files.map((path) => readFileSync(path, "utf8"));
    return { code: status ?? (signal ? -1 : 0), stdout, stderr };
  }

  /** Fails the test where the runtime fails. */
  does(words: readonly string[], options?: CallOptions): string {
    const { code, stdout, stderr } = this.call(words, options);
    if (code !== 0) throw new Error(`${words.join(" ")}: ${code}\n${stderr}`);
    return stdout;
  }

  /** A bundle whose process is a shell's `script`, and what else is changed of the example. */
  bundle(script: string, change: (config: Config) => void = () => {}): string {
    const bundle = this.path(`bundle-${++this.#count}`);
    mkdirSync(bundle);
    cpSync(this.path("rootfs"), join(bundle, "rootfs"), {
      recursive: true,
      verbatimSymlinks: true,
    });
    const config = exampleConfig() as Config;
    Object.assign(config.process, { terminal: false, args: ["sh", "-c", script], rlimits: [] });
    config.process.env = ["PATH=/bin"];
    config.root.readonly = false;
    change(config);
    writeFileSync(join(bundle, "config.json"), JSON.stringify(config));
    return bundle;
  }

  /** Runs a script in a container to its end, which leaves nothing. */
  run(script: string, change?: (config: Config) => void, options?: CallOptions): Outcome {
    return this.call(["run", "-b", this.bundle(script, change), this.id()], options);
  }

  /** Its lines of output. */
  lines(script: string, change?: (config: Config) => void): string[] {
    const { code, stdout, stderr } = this.run(script, change);
    if (code !== 0) throw new Error(`${code}\n${stderr}`);
    return stdout.trimEnd().split("\n");
  }

  status(id: string): string {
    return JSON.parse(this.does(["state", id])).status;
  }

  async until(condition: () => boolean): Promise<void> {
    const end = performance.now() + SETTLE_MS;
    while (!condition() && performance.now() < end) await sleep(20);
    expect(condition()).toBe(true);
  }

  /** The machine is as it was when this was made, or has become so soon. */
  async unchanged(work: () => void | Promise<void>): Promise<void> {
    const before = this.#state();
    await work();
    const until = performance.now() + SETTLE_MS;
    while (this.#changes(before).length > 0 && performance.now() < until) await sleep(50);
    expect(this.#changes(before)).toEqual([]);
    if (existsSync(this.root)) expect(readdirSync(this.root)).toEqual([]);
  }

  /** What the tests themselves keep in files is none of the runtime's, nor what other engines do. */
  #state(): MachineState {
    const kinds = [...machineState(this.#mark)].filter(([kind]) => kind !== "temporary file");
    return new Map(
      kinds.map(([kind, names]) => [
        kind,
        new Set([...names].filter((name) => this.#isOurs(kind, name))),
      ]),
    );
  }

  #isOurs(kind: string, name: string): boolean {
    if (kind === "cgroup") return name.includes("nacre");
    return kind !== "mount" || name.includes(this.base) || !/, (overlay|erofs)\)$/.test(name);
  }

  /** What has come, and what has gone that nobody but the runtime could take away. */
  #changes(before: MachineState): string[] {
    const now = this.#state();
    const standing = new Map([...before].filter(([kind]) => STANDING.includes(kind)));
    return [
      ...leaked(before, now).map((name) => `come: ${name}`),
      ...leaked(now, standing).map((name) => `gone: ${name}`),
    ];
  }

  [Symbol.dispose](): void {
    for (const id of this.does(["list", "-q"]).split("\n").filter(Boolean)) {
      this.call(["delete", "-f", id]);
    }
    rmSync(this.base, { recursive: true, force: true });
  }
}

/** A user namespace of its own. */
export function withUsers(config: Config): void {
  config.linux.namespaces.push({ type: "user" });
  config.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 2000 }];
  config.linux.gidMappings = [{ containerID: 0, hostID: 200000, size: 3000 }];
}
