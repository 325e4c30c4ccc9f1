// A user of this machine who is not root, for as long as a test needs one: with an account, a home
// directory that has nothing in it, and Nacre's package where such a user can read it.

import {
  type ChildProcessWithoutNullStreams,
  execFileSync,
  spawn,
  spawnSync,
} from "node:child_process";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { missingCommands } from "../../scripts/debian-packages.ts";

/** Command → Debian package. */
export const UNPRIVILEGED_COMMANDS: Readonly<Record<string, string>> = {
  newuidmap: "uidmap",
  useradd: "passwd",
};

const PACKAGE = join(import.meta.dirname, "..", "..", "cli");
/** Its directories can be passed through by everybody, whatever TMPDIR is. */
const PUBLIC = "/var/tmp";

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface UserOptions {
  /** Subordinate IDs in /etc/subuid and /etc/subgid; default: as useradd gives them. */
  readonly subordinate?: boolean;
}

/** Why there can be none here; undefined if there can. */
export function whyNoUser(): string | undefined {
  const missing = missingCommands(UNPRIVILEGED_COMMANDS);
  if (missing.length > 0) return `${missing.join(" and ")} not found: apt-get install uidmap`;
  const most = Number(readFileSync("/proc/sys/user/max_user_namespaces", "utf8"));
  return most > 0 ? undefined : "this machine gives out no user namespaces";
}

export class UnprivilegedUser implements Disposable {
  readonly name: string;
  readonly base = mkdtempSync(join(PUBLIC, "nacre-user-"));
  readonly home = join(this.base, "home");
  readonly program = join(this.base, "package", "bin", "nacre");
  readonly uid: number;
  readonly gid: number;
  /** Beside HOME and PATH, which is all that it has. */
  environment: Record<string, string> = {};

  constructor({ subordinate = true }: UserOptions = {}) {
    // Short enough for an account, and nobody else's.
    this.name = `nacre${this.base.slice(-6).toLowerCase()}`;
    chmodSync(this.base, 0o755);
    const words = ["--no-create-home", "--home-dir", this.home, "--shell", "/bin/sh", this.name];
    execFileSync("useradd", [...(subordinate ? [] : ["--system"]), ...words]);
    const id = (what: string) =>
      Number(execFileSync("id", [what, this.name], { encoding: "utf8" }));
    this.uid = id("-u");
    this.gid = id("-g");
    mkdirSync(this.home, { mode: 0o700 });
    chownSync(this.home, this.uid, this.gid);
    this.#installPackage();
  }

  #installPackage(): void {
    for (const name of ["bin", "dist", "completions", "package.json"]) {
      cpSync(join(PACKAGE, name), join(this.base, "package", name), {
        recursive: true,
        filter: (path) => !path.endsWith("/own-node"),
      });
    }
    const node = join(this.base, "node");
    try {
      linkSync(process.execPath, node);
    } catch {
      copyFileSync(process.execPath, node);
    }
    writeFileSync(join(this.base, "package", "dist", "node"), `${node}\n`);
    execFileSync("chmod", ["-R", "a+rX", join(this.base, "package")]);
  }

  get #options() {
    return {
      ...{ uid: this.uid, gid: this.gid, cwd: this.home },
      env: {
        ...{ HOME: this.home, USER: this.name, PATH: "/usr/local/bin:/usr/bin:/bin" },
        ...this.environment,
      },
    };
  }

  /** Starts a command as this user. */
  start(command: string, words: readonly string[] = []): ChildProcessWithoutNullStreams {
    return spawn(command, words, { ...this.#options, stdio: "pipe" });
  }

  /** Executes a command as this user. */
  run(command: string, words: readonly string[] = [], input = ""): Promise<Ran> {
    const child = this.start(command, words);
    const text = { out: "", err: "" };
    child.stdout.on("data", (chunk) => (text.out += chunk));
    child.stderr.on("data", (chunk) => (text.err += chunk));
    child.stdin.on("error", () => {});
    child.stdin.end(input);
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => {
        resolve({ code: code ?? (signal === "SIGKILL" ? 137 : -1), ...text });
      });
    });
  }

  nacre(...words: string[]): Promise<Ran> {
    return this.run(this.program, words);
  }

  /** What it prints, without the end of the line. Rejects if it fails. */
  async does(...words: string[]): Promise<string> {
    const { code, out, err } = await this.nacre(...words);
    if (code !== 0) throw new Error(`nacre ${words.join(" ")}: ${code}\n${err}${out}`);
    return out.trimEnd();
  }

  /** All that runs as this user, in whatever namespace; who waits to be reaped has ended. */
  processes(): string[] {
    const words = ["-u", String(this.uid), "-o", "stat=,pid=,args="];
    const found = spawnSync("ps", words, { encoding: "utf8" });
    return found.stdout.split("\n").filter((line) => line !== "" && !line.startsWith("Z"));
  }

  /** Resolves when nothing runs as this user: what follows a container's end may take a moment. */
  async gone(): Promise<void> {
    await expect.poll(() => this.processes(), { timeout: 20_000 }).toEqual([]);
  }

  [Symbol.dispose](): void {
    // Ours by the account alone: it is this test's.
    spawnSync("pkill", ["-KILL", "-u", String(this.uid)]);
    const end = performance.now() + 5000;
    while (this.processes().length > 0 && performance.now() < end) spawnSync("sleep", ["0.05"]);
    execFileSync("userdel", [this.name], { stdio: "ignore" });
    rmSync(this.base, { recursive: true, force: true });
  }
}
