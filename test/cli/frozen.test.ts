// A Node that is frozen and thawed, for real: nacre-start, the addon, and the image between them.

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { OWN_NODE } from "../own-node.ts";
import { typedInto } from "./in-terminal.ts";

const STARTER = fileURLToPath(new URL("../../backends/linux/dist/nacre-start", import.meta.url));
const ADDON = fileURLToPath(new URL("../../backends/linux/dist/addon.node", import.meta.url));
const PROGRAM = fileURLToPath(new URL("frozen-program.ts", import.meta.url));
const V8 = ["--single-threaded", "--no-flush-bytecode", "--disable-warning=ExperimentalWarning"];
/** Nobody's: its key was thrown away. */
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBgjCCASegAwIBAgIUMzoxI3/EUfwXF418S3ajY1lyajgwCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKbmFjcmUtdGVzdDAgFw0yNjExMjcwMzUzMzVaGA8yMTI2MTEw
MzAzNTMzNVowFTETMBEGA1UEAwwKbmFjcmUtdGVzdDBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABIJm3Z0u2mVDHeqkSfyv6pzAIP3Mxj3/Ozw3ZMK/YSSjQwi2Ld9f
KDTvcUjBYzY5cmkZuLwoNSrXeJg0FgPZLT+jUzBRMB0GA1UdDgQWBBRZj1vtTXwQ
fenoWMDuzR5W6rBcjDAfBgNVHSMEGDAWgBRZj1vtTXwQfenoWMDuzR5W6rBcjDAP
BgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQD5PkZ/usjxz1JQqA/0
rmOU1qxOSdHtjTq/VSU0WFnZkAIhANKasneCWQRSk9cNTcCZHkrNtaLuVkhVZ/F+
5h8Qyr6G
-----END CERTIFICATE-----
`;
const ROOT = process.getuid?.() === 0;
/** Thawing is written for x64; elsewhere Node starts as usual. */
const THAWS = process.platform === "linux" && process.arch === "x64" && existsSync(STARTER);

let directory: string;
let frozen: string;
let watched: string;
let image: string;
beforeAll(() => {
  if (!THAWS) return;
  directory = mkdtempSync(join(tmpdir(), "nacre-frozen-"));
  frozen = join(directory, "frozen");
  watched = join(directory, "watched");
  writeFileSync(watched, "as it was");
  const words = ["--freeze", OWN_NODE, ...V8, "--", PROGRAM, "freeze", frozen, watched];
  const env = { LD_PRELOAD: ADDON };
  const { status, stderr } = spawnSync(STARTER, words, { env, encoding: "utf8" });
  expect(status, stderr).toBe(0);
}, 60_000);
afterAll(() => THAWS && rmSync(directory, { recursive: true, force: true }));
beforeEach(() => {
  if (!THAWS) return;
  image = join(directory, "image");
  rmSync(image, { force: true });
  copyFileSync(frozen, image);
  placeImage();
});

/** Has the image say that it was written where it is: its inode is the third number of its head. */
function placeImage(): void {
  const inode = Buffer.alloc(8);
  inode.writeBigInt64LE(statSync(image, { bigint: true }).ino);
  patch(48 + 2 * 8, inode);
}

/** Puts other bytes at a place of the image. */
function patch(at: number, bytes: Uint8Array): void {
  const file = openSync(image, "r+");
  writeSync(file, bytes, 0, bytes.length, at);
  closeSync(file);
}

const commandLine = (words: readonly string[], node = OWN_NODE): string[] => [
  ...["--thaw", image, node, "--", PROGRAM, ...words],
];

interface Given {
  readonly environment?: Record<string, string>;
  readonly input?: string;
  readonly stdio?: ("pipe" | "ignore" | number)[];
}

function start(words: readonly string[], { environment = {}, input, stdio }: Given = {}) {
  return spawnSync(STARTER, commandLine(words), {
    ...{ env: environment, encoding: "utf8", cwd: "/usr", timeout: 30_000 },
    ...(input !== undefined && { input }),
    ...(stdio && { stdio }),
    maxBuffer: 16 << 20,
  });
}

interface Told {
  readonly words: string[];
  readonly pid: number;
  readonly isOwn: boolean;
  readonly directory: string;
  readonly environment: Record<string, string>;
  readonly chance: [string, number];
  readonly umask: number;
  readonly limit: string[];
  readonly descriptors: number[];
  readonly hour: number;
  readonly regions: number;
}

/** What a process says of itself; `usual`: whether it had to be started. */
function told(given: Given = {}, ...words: string[]): Told & { readonly usual: boolean } {
  const { stdout, stderr, status } = start(["tell", ...words], given);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const lines = stdout.trim().split("\n");
  return { ...JSON.parse(lines.at(-1) as string), usual: lines.length > 1 };
}

// Elsewhere there is nothing that could be frozen (THAWS).
describe.runIf(THAWS)("a process that was made of an image", () => {
  it("has its own words, environment, directory and number", () => {
    const one = told({ environment: { NAME: "value", EMPTY: "" } }, "a b", "--", "");
    expect(one).toMatchObject({ usual: false, isOwn: true, directory: "/usr" });
    expect(one.words).toEqual(["tell", "a b", "--", ""]);
    expect(one.environment).toEqual({ NAME: "value", EMPTY: "" });
  });

  it("has what the shell has made of its process, and as many files as it may", () => {
    const line = `umask 027; ulimit -Sn 100; exec ${STARTER} "$@"`;
    const words = ["-c", line, "sh", ...commandLine(["tell"])];
    const { stdout } = spawnSync("/bin/sh", words, { env: {}, encoding: "utf8" });
    const { umask, limit } = JSON.parse(stdout) as Told;
    expect(umask).toBe(0o027);
    expect(limit[1]).toBe(limit[2]);
  });

  it("draws other chances than the next one", () => {
    const [one, other] = [told(), told()];
    expect(one.usual || other.usual).toBe(false);
    expect(one.chance[0]).not.toBe(other.chance[0]);
    expect(one.chance[1]).not.toBe(other.chance[1]);
    expect(one.chance[1]).toBeGreaterThanOrEqual(0);
    expect(one.chance[1]).toBeLessThan(1);
  });

  it("reads its own time zone", () => {
    const hourIn = (TZ: string) => told({ environment: { TZ } }).hour;
    expect([hourIn("UTC"), hourIn("Etc/GMT-5"), hourIn("UTC")]).toEqual([0, 5, 0]);
  });

  it("has the pieces of V8's heap side by side, and not each in a place drawn by lot", () => {
    expect(told().regions).toBeLessThan(15);
  });

  it("has the descriptors that Node makes, where callers have none", () => {
    // Other tests are threads of this process: what OpenSSL reads meanwhile is a child's as well.
    const line = "import os, sys; os.closerange(3, 4096); os.execv(sys.argv[1], sys.argv[1:])";
    const words = ["-c", line, STARTER, ...commandLine(["tell"])];
    const { stdout } = spawnSync("python3", words, { env: {}, encoding: "utf8" });
    const { descriptors } = JSON.parse(stdout) as Told;
    expect(descriptors.length).toBeGreaterThan(3);
    expect(Math.min(...descriptors)).toBeGreaterThanOrEqual(64);
  });

  it.each([
    ["by itself", ["drain"], 3, '"drained"\n', /^$/],
    ["when it says so", ["exit", "7"], 7, "", /^$/],
    ["by what is thrown", ["throw"], 1, "", /Error: thrown[\s\S]*frozen-program/],
    ["by what is rejected", ["reject"], 1, "", /Error: rejected/],
  ] as const)("ends %s", (_, words, status, stdout, stderr) => {
    const ended = start(words);
    expect(ended).toMatchObject({ status, stdout });
    expect(ended.stderr).toMatch(stderr);
  });

  it.each([
    ["thawed", {}],
    ["started as usual", { NODE_OPTIONS: "--no-warnings" }],
  ] as const)("%s goes on when the terminal hangs up, if its caller does", (_, env) => {
    const hungUp = (line: string) =>
      spawnSync("/bin/sh", ["-c", line, STARTER, ...commandLine(["hangup"])], {
        ...{ env, encoding: "utf8" },
      });
    const { stdout, signal } = hungUp(`trap "" HUP; exec "$0" "$@"`);
    expect(signal).toBe(null);
    expect(stdout.replace("as usual\n", "")).toBe('{"heard":1,"told":"no more"}\n');
    expect(stdout.startsWith("as usual")).toBe("NODE_OPTIONS" in env);
    expect(hungUp(`exec "$0" "$@"`).signal).toBe("SIGHUP");
  });

  it("reads and writes its streams", () => {
    expect(start(["echo"], { input: "typed" }).stdout).toBe('"typed"\n"end"\n');
  });

  it.each([
    ["handle", 9, null],
    ["wait", null, "SIGTERM"],
  ] as const)("gets signals: %s", async (act, code, signal) => {
    const child = spawn(STARTER, commandLine([act]), {
      env: {},
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = once(child, "exit");
    const [said] = await once(child.stdout, "data");
    expect(`${said}`).toBe('"ready"\n');
    expect(readFileSync(`/proc/${child.pid}/comm`, "utf8")).toBe("nacre\n");
    child.kill("SIGTERM");
    expect(await ended).toEqual([code, signal]);
  });

  it.each([
    ["SIGINT", 2, "\u0003"],
    ["SIGTERM", 15, "end\n"],
  ])("gives the terminal back when %s ends it, as Node does", async (_, signal, typed) => {
    const words = commandLine(["quiet"]);
    const ended = await typedInto(
      ["/usr/bin/env", "-i", "PATH=/usr/bin:/bin", STARTER, ...words],
      [["ready", typed]],
    );
    expect(ended).toMatchObject({ code: -signal, restored: true });
    expect(ended.seen).not.toMatch(/as usual/);
  });

  it("grows, and has threads, workers and children", () => {
    const { stdout, stderr } = start(["work"], { environment: { PATH: "/usr/bin:/bin" } });
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toEqual({
      ...{ kept: 1_002_000, child: "from a child\n", file: "nacre", worker: 42, wasm: 0 },
    });
  });

  it("trusts the certificates of NODE_EXTRA_CA_CERTS, too", () => {
    const file = join(directory, "extra.pem");
    writeFileSync(file, CERTIFICATE);
    const more = (path?: string): string =>
      start(["certificates"], path ? { environment: { NODE_EXTRA_CA_CERTS: path } } : {}).stdout;
    expect([more(), more(file)]).toEqual(["0\n", "1\n"]);
    const absent = start(["certificates"], { environment: { NODE_EXTRA_CA_CERTS: "/none" } });
    expect(absent.stdout).toBe("0\n");
    expect(absent.stderr).toMatch(/Ignoring extra certs from `\/none`/);
  });
});

// Elsewhere it always is (THAWS).
describe.runIf(THAWS)("Node is started as usual", () => {
  it.each([
    "NODE_OPTIONS=--no-warnings",
    "NODE_V8_COVERAGE=",
    "NODE_DEBUG=none",
    "NODE_NO_WARNINGS=1",
    "OPENSSL_MODULES=/none",
    "LD_PRELOAD=",
    "LD_LIBRARY_PATH=/none",
    "GLIBC_TUNABLES=glibc.malloc.check=0",
  ])("with %s", (variable) => {
    const [name = "", value = ""] = variable.split(/=(.*)/s);
    const { usual, environment } = told({ environment: { [name]: value } });
    expect(usual).toBe(true);
    expect(environment.NACRE_UNFROZEN).toBeUndefined();
  });

  it.each([
    ["others may read it", () => chmodSync(image, 0o640)],
    [
      "it is a link",
      () => {
        renameSync(image, `${image}.there`);
        symlinkSync(`${image}.there`, image);
      },
    ],
    [
      "it is a pipe, which nobody writes to",
      () => {
        rmSync(image);
        execFileSync("mkfifo", ["-m", "600", image]);
      },
    ],
  ])("and nobody is told to make another image, where %s", (_, change) => {
    change();
    const { usual, environment } = told();
    expect({ usual, told: environment.NACRE_UNFROZEN }).toEqual({ usual: true, told: undefined });
  });

  it("where another Node is asked for", () => {
    const other = join(directory, "node");
    symlinkSync(OWN_NODE, other);
    const { stdout } = spawnSync(STARTER, commandLine(["tell"], other), { encoding: "utf8" });
    expect(stdout).toMatch(/^as usual\n/);
  });

  // Who is not root cannot give a file away.
  it.skipIf(!ROOT)("where the image is another user's", () => {
    chownSync(image, 65_534, 65_534);
    const { usual, environment } = told();
    expect({ usual, told: environment.NACRE_UNFROZEN }).toEqual({ usual: true, told: undefined });
  });

  it.each([
    ["is not there", () => rmSync(image)],
    ["is of another start of the machine", () => patch(8, Buffer.from("0000"))],
    ["is of another form", () => patch(7, Buffer.from("0"))],
    ["is a copy of another installation's", () => patch(48 + 2 * 8, Buffer.alloc(8))],
    ["is not whole", () => truncateSync(image, 1_000_000)],
    ["is empty", () => truncateSync(image, 0)],
  ])("and is told so, where the image %s", (_, change) => {
    change();
    const { usual, environment } = told({ environment: { A: "b" } });
    expect({ usual, environment }).toEqual({
      usual: true,
      environment: { A: "b", NACRE_UNFROZEN: image },
    });
  });

  it.each([
    ["that Node would have had", 62],
    ["that leave none for the image", 61],
    ["that leave none for its files", 58],
  ])("where a caller hands on descriptors %s, for which no image is made anew", (_, count) => {
    const handed = openSync("/dev/null", "r");
    const stdio = ["ignore", "pipe", "pipe", ...Array<number>(count).fill(handed)] as const;
    const { usual, environment } = told({ stdio: [...stdio] });
    closeSync(handed);
    expect({ usual, told: environment.NACRE_UNFROZEN }).toEqual({ usual: true, told: undefined });
  });

  it.each(["<&-", "2>&-"])("where a stream is closed: %s", (closed) => {
    const words = ["-c", `exec ${STARTER} "$@" ${closed}`, "sh", ...commandLine(["tell"])];
    expect(spawnSync("/bin/sh", words, { env: {}, encoding: "utf8" }).stdout).toMatch(
      /^as usual\n/,
    );
  });

  // Who is not root takes nothing down.
  it.skipIf(!ROOT)("where there is no /proc, by which no image could be made anew", () => {
    const line = 'umount --lazy /proc && exec "$@"';
    const words = ["-c", line, "sh", STARTER, ...commandLine(["unfrozen"])];
    const ended = spawnSync("unshare", ["--mount", "/bin/sh", ...words], { encoding: "utf8" });
    expect(ended).toMatchObject({ stderr: "", stdout: 'as usual\n"not told"\n' });
  });

  it("where there is more to say than has room", () => {
    const long = "x".repeat(100_000);
    const { usual, words } = told({}, ...Array<string>(15).fill(long));
    expect({ usual, count: words.length }).toEqual({ usual: true, count: 16 });
  });
});

// Elsewhere there is nothing that could be frozen (THAWS).
describe.runIf(THAWS)("the copy that is frozen", () => {
  it("has addresses by chance, however its caller was started", () => {
    const words = ["-R", STARTER, "--freeze", "/bin/cat", "/proc/self/personality"];
    expect(spawnSync("setarch", words, { encoding: "utf8" }).stdout).toBe("00000000\n");
  });

  it("has stopped when it is read, and is not left by who is killed meanwhile", async () => {
    const words = ["--freeze", OWN_NODE, ...V8, "--", PROGRAM, "freeze", "-", watched];
    const freezer = spawn(STARTER, words, { env: {}, stdio: ["ignore", "pipe", "inherit"] });
    const ended = once(freezer, "exit");
    const [pid] = await once(freezer.stdout, "data");
    const state = (): string | undefined =>
      existsSync(`/proc/${pid}`)
        ? /^State:\t(.)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]
        : undefined;
    expect(state()).toBe("T");
    freezer.kill("SIGKILL");
    await ended;
    // Who takes orphans in may be slow to ask for its end.
    await expect.poll(state).toSatisfy((now) => now === undefined || now === "Z");
  });
});

// Elsewhere it always is (THAWS). The last: afterwards the image is of no use.
describe.runIf(THAWS)("when a file has changed that an image has", () => {
  it("Node is started as usual, and is told so", () => {
    expect(told().usual).toBe(false);
    utimesSync(watched, 1, 1);
    const { usual, environment } = told();
    expect({ usual, told: environment.NACRE_UNFROZEN }).toEqual({ usual: true, told: image });
  });
});
