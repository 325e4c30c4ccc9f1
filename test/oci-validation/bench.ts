// An OCI runtime under judgement: its command line as conmon and containerd call it, bundles to make
// containers of, and what a check needs to wait for. Whichever runtime it is, the calls are the same.

import { spawnSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { BUSYBOX, busyboxLinks } from "./busybox-root.ts";
import { type Config, usualConfig } from "./config.ts";

const PATIENCE_MS = 60_000;
const MARK = "NACRE_TEST_BENCH";

export interface RuntimeCommand {
  readonly name: string;
  readonly path: string;
}

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface State {
  readonly ociVersion: string;
  readonly id: string;
  readonly status: string;
  readonly pid?: number;
  readonly bundle: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A container that was made of a bundle whose directory is its root, too. */
export interface Made {
  readonly id: string;
  readonly bundle: string;
  config: Config;
}

export function demand(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

export class ValidationBench implements Disposable {
  readonly base = mkdtempSync(join(tmpdir(), "nacre-validation-"));
  readonly #runtime: RuntimeCommand;
  readonly #ids = new Set<string>();
  #count = 0;

  constructor(runtime: RuntimeCommand) {
    this.#runtime = runtime;
    chmodSync(this.base, 0o755); // roots of user namespaces pass through it
    process.env[MARK] ??= this.base;
  }

  id(): string {
    const id = `v${++this.#count}-${process.pid}`;
    this.#ids.add(id);
    return id;
  }

  /** Output goes to files: a container's process keeps them open. */
  call(words: readonly string[]): Outcome {
    const files = ["out", "err"].map((name) => join(this.base, `${name}-${++this.#count}`));
    const opened = files.map((path) => openSync(path, "w"));
    const { status } = spawnSync(
      this.#runtime.path,
      ["--root", join(this.base, "state"), ...words],
      { stdio: ["ignore", ...opened], timeout: 60_000 },
    );
    for (const descriptor of opened) closeSync(descriptor);
    const [stdout = "", stderr = ""] = files.map((path) => readFileSync(path, "utf8"));
    return { code: status ?? -1, stdout, stderr };
  }

  does(...words: readonly string[]): string {
    const { code, stdout, stderr } = this.call(words);
    demand(code === 0, `${words[0]} failed: ${stderr || stdout}`);
    return stdout;
  }

  refuses(why: string, ...words: readonly string[]): void {
    demand(this.call(words).code !== 0, why);
  }

  /** A directory that is bundle and root at once. */
  bundle(prepare: (root: string) => void = () => {}): string {
    const root = join(this.base, `bundle-${++this.#count}`);
    for (const name of ["bin", "proc", "dev", "sys", "tmp", "etc", "run"]) {
      mkdirSync(join(root, name), { recursive: true });
    }
    cpSync(BUSYBOX, join(root, "bin/busybox"));
    busyboxLinks(join(root, "bin"));
    prepare(root);
    return root;
  }

  configure(bundle: string, config: unknown): void {
    writeFileSync(join(bundle, "config.json"), JSON.stringify(config));
  }

  /** Bundle and configuration; the process runs a shell's `script`. */
  prepared(script: string, change: (config: Config) => void = () => {}): Made {
    const bundle = this.bundle();
    const config = usualConfig(script);
    change(config);
    this.configure(bundle, config);
    return { id: this.id(), bundle, config };
  }

  create({ id, bundle }: Pick<Made, "id" | "bundle">, ...more: readonly string[]): void {
    this.does("create", ...more, "--bundle", bundle, id);
  }

  state(id: string): State | undefined {
    const { code, stdout } = this.call(["state", id]);
    return code === 0 ? (JSON.parse(stdout) as State) : undefined;
  }

  /** The state once it has this status; fails if it never has. */
  async reached(id: string, ...statuses: readonly string[]): Promise<State> {
    const until = Date.now() + PATIENCE_MS;
    for (;;) {
      const state = this.state(id);
      demand(state !== undefined, `${id} has no state`);
      if (statuses.includes(state.status)) return state;
      demand(Date.now() < until, `${id} does not become ${statuses}, it is ${state.status}`);
      await sleep(20);
    }
  }

  /** Takes a container to its end and deletes it. */
  async ended(id: string): Promise<void> {
    this.call(["kill", id, "KILL"]);
    await this.reached(id, "stopped");
    this.does("delete", id);
  }

  /** create, start, the end of its process, delete. What it wrote to both streams. */
  async lived(made: Made): Promise<string> {
    const { code, stdout, stderr } = this.call(["create", "--bundle", made.bundle, made.id]);
    demand(code === 0, `create failed: ${stderr || stdout}`);
    const files = [this.#count - 1, this.#count];
    this.does("start", made.id);
    await this.reached(made.id, "stopped");
    this.does("delete", made.id);
    const [out = "", err = ""] = ["out", "err"].map((name, i) =>
      readFileSync(join(this.base, `${name}-${files[i]}`), "utf8"),
    );
    return out + err;
  }

  /** Mounts of this machine below the bundles, the last first. */
  mounts(): string[] {
    const targets = readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .map((line) => line.split(" ")[4] ?? "");
    return targets.filter((target) => target.startsWith(`${this.base}/`)).reverse();
  }

  [Symbol.dispose](): void {
    for (const id of this.#ids) this.call(["delete", "--force", id]);
    for (const target of this.mounts()) spawnSync("umount", ["-l", target]);
    rmSync(this.base, { recursive: true, force: true });
  }
}
