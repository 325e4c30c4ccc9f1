// The command line on the simulated kernel, as processes of its own: what was pulled by one is
// there for the next, and containers leave nothing below the state root. No privilege is needed.

import { execFile, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, type Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { MemoryContent } from "@nacre/plugin-registry/content.ts";
import { buildImage } from "@nacre/plugin-registry/image-builder.ts";
import { type RegistryServer, serveRegistry } from "@nacre/plugin-registry/server.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tar } from "../images/tar.ts";
import { typedInto } from "./in-terminal.ts";

const NACRE = fileURLToPath(new URL("../../cli/bin/nacre", import.meta.url));
const PASSWD = "root:x:0:0:root:/root:/bin/sh\nshell:x:7:7::/:/bin/sh\n";

/** Two layers: the second replaces a file, removes one, and links one. */
const image = buildImage({
  layers: [
    {
      tar: tar([
        { name: "bin", type: "directory" },
        ...["true", "false", "echo", "cat", "sleep", "sh", "compiler"].map((name) => ({
          name: `bin/${name}`,
          mode: 0o755,
          content: "\u007fELF of a real machine\n",
        })),
        { name: "etc", type: "directory" },
        { name: "etc/passwd", content: "of the lower layer\n" },
        { name: "etc/gone", content: "removed above\n" },
      ]),
    },
    {
      tar: tar([
        { name: "etc/passwd", content: PASSWD },
        { name: "etc/.wh.gone" },
        { name: "etc/linked", type: "hardlink", link: "etc/passwd" },
        { name: "etc/pointer", type: "symlink", link: "linked" },
      ]),
    },
  ],
  process: { Env: ["PATH=/bin"], Cmd: ["echo", "by default"] },
  platform: { os: "linux", architecture: process.arch === "x64" ? "amd64" : process.arch },
});

let base: string;
let root: string;
let server: RegistryServer;
let name: string;

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function nacre(
  words: readonly string[],
  backend: readonly string[] = ["simulated"],
  input?: Readable,
): Promise<Outcome> {
  const line = ["--root", root, "--backend", ...backend, ...words];
  return new Promise((resolve) => {
    const child = execFile(NACRE, line, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
    if (input === undefined) child.stdin?.end("from standard input\n");
    else input.pipe(child.stdin!);
  });
}

/** Every path below the root and, of a file, its size; but for the database, which is written. */
function below(directory = root, prefix = ""): Record<string, number> {
  const found: Record<string, number> = {};
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = `${prefix}${entry.name}`;
    if (path.startsWith("state.db")) continue;
    if (entry.isDirectory()) Object.assign(found, below(join(directory, entry.name), `${path}/`));
    found[path] = entry.isDirectory() ? 0 : statSync(join(directory, entry.name)).size;
  }
  return found;
}

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), "nacre-simulated-"));
  root = join(base, "root");
  const content = new MemoryContent();
  for (const [digest, bytes] of image.blobs) content.addBlob(bytes, digest);
  content.addManifest("team/app", "1", image.manifest);
  server = await serveRegistry(content);
  name = `${server.address}/team/app:1`;
  expect(await nacre(["pull", "-q", name])).toMatchObject({ code: 0 });
  await nacre(["run", "--rm", "host", "true"]); // says once that there is no network
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(base, { recursive: true, force: true });
});

const run = (...command: string[]) => nacre(["run", "--rm", name, ...command]);

describe.each(["erofs", "directory"])(
  "an image on the simulated kernel, with %s",
  (snapshotter) => {
    const backend = ["simulated", "--snapshotter", snapshotter];
    const runs = (...words: string[]) => nacre(["run", "--rm", ...words], backend);

    it("runs what it has, with its output and its exit code", async () => {
      expect(await runs(name, "true")).toEqual({ code: 0, stdout: "", stderr: "" });
      expect(await runs(name, "false")).toEqual({ code: 1, stdout: "", stderr: "" });
      expect(await runs(name, "echo", "hi")).toEqual({ code: 0, stdout: "hi\n", stderr: "" });
      expect(await runs(name)).toEqual({ code: 0, stdout: "by default\n", stderr: "" });
    });

    it("shows the files of its merged layers", async () => {
      const paths = ["/etc/passwd", "/etc/linked", "/etc/pointer"];
      expect((await runs(name, "cat", ...paths)).stdout).toBe(PASSWD.repeat(3));
      const gone = await runs(name, "cat", "/etc/gone");
      expect(gone).toEqual({
        code: 1,
        stdout: "",
        stderr: "cat: /etc/gone: No such file or directory\n",
      });
    });
  },
);

describe("a container on the simulated kernel", () => {
  it("reads standard input with -i", async () => {
    expect((await nacre(["run", "--rm", "-i", name, "cat"])).stdout).toBe("from standard input\n");
  });

  it("has descriptors that are passed on, and nothing else behind the standard streams", async () => {
    const words = [
      "run",
      "--rm",
      "--preserve-fd",
      "4",
      name,
      "sh",
      "-c",
      "cat <&4; cat <&3; cat <&5",
    ];
    const nacreLine = [NACRE, "--root", root, "--backend", "simulated", ...words];
    const line = ["-c", 'exec "$@" 4</etc/hostname', "-", ...nacreLine];
    const { stdout, stderr } = spawnSync("sh", line, { encoding: "utf8" });
    expect(stdout).toBe(readFileSync("/etc/hostname", "utf8"));
    expect(stderr).toBe("sh: 5: Bad file descriptor\n");
  });

  it("ends with 127 where the command is missing", async () => {
    const { code, stderr } = await run("nothing");
    expect(code).toBe(127);
    expect(stderr).toContain('"nothing": executable file not found');
  });

  it("ends with 126 for machine code, and says what can be run", async () => {
    const { code, stderr } = await run("compiler");
    expect(code).toBe(126);
    expect(stderr).toContain("ENOEXEC");
    expect(stderr).toMatch(/knows these programs by their names: .*\bcat\b.*\bsh\b/);
  });

  it("can have the simulated machine's own root", async () => {
    expect(await nacre(["run", "--rm", "host", "true"])).toEqual({
      code: 0,
      stdout: "",
      stderr: "",
    });
    const { stdout } = await nacre(["run", "--rm", "host", "cat", "/etc/os-release"]);
    expect(stdout).toContain("Simulated Linux");
  });

  it("is listed after its end by another process, and removed by a third", async () => {
    expect((await nacre(["run", "--name", "kept", name, "false"])).code).toBe(1);
    const listed = await nacre(["ps", "-a", "--format", "{{.Names}} {{.Status}}"]);
    expect(listed.stdout).toMatch(/^kept Exited \(1\)/);
    expect((await nacre(["rm", "kept"])).code).toBe(0);
    expect((await nacre(["ps", "-aq"])).stdout).toBe("");
  });

  it("is seen running by another process, and ends by itself", async () => {
    // It has no end before it was seen: of its own input.
    const input = new PassThrough();
    const words = ["run", "--rm", "-i", "--name", "sleeper", name, "cat"];
    const running = nacre(words, ["simulated"], input);
    const seen = async () => (await nacre(["ps", "--format", "{{.Names}} {{.Status}}"])).stdout;
    await expect.poll(seen, { timeout: 50_000 }).toMatch(/^sleeper Up /);
    input.end();
    expect(await running).toEqual({ code: 0, stdout: "", stderr: "" });
    expect((await nacre(["ps", "-aq"])).stdout).toBe("");
  });

  it("shows what is typed once, and gives the terminal back", async () => {
    const line = [
      NACRE,
      "--root",
      root,
      "--backend",
      "simulated",
      "run",
      "--rm",
      "-it",
      "host",
      "sh",
    ];
    const { code, seen, restored } = await typedInto(line, [
      ["# ", "stty size; echo he''re\r"],
      ["here\r\n# ", "cat\r"],
      ["cat\r\n", "one\r"],
      ["one\r\none\r\n", "two \x03"],
      ["^C", "exit 3\r"],
    ]);
    expect({ code, restored, seen }).toMatchObject({ code: 3, restored: true });
    expect(seen.split("\r\n")).toEqual([
      ...["# stty size; echo he''re", "33 99", "here"],
      ...["# cat", "one", "one", "two ^C# exit 3", ""],
    ]);
  });

  it("is refused what the simulation cannot do", async () => {
    const detached = await nacre(["run", "-d", "--rm", name, "true"]);
    // With --rm there is no container left whose ID it could be.
    expect(detached).toMatchObject({ code: 125, stdout: "" });
    expect(detached.stderr).toContain("ends with the command that started it");
    const policy = ["--restart", "always", "--name", "policy"];
    const restarted = await nacre(["run", ...policy, "--network", "none", name, "true"]);
    expect(restarted).toMatchObject({ code: 125, stdout: "" });
    expect(restarted.stderr).toContain("nobody starts it again");
    await nacre(["rm", "policy"]);
    const bound = await nacre(["run", "--rm", "-v", `${base}:/mnt`, name, "true"]);
    expect(bound.code).toBe(125);
    expect(bound.stderr).toContain(`${base} cannot be mounted`);
    expect((await nacre(["ps", "-aq"])).stdout).toBe("");
  });

  it("is not started again, nor looked into, once its command has ended", async () => {
    const words = ["--network", "none", "--name", "once", name, "echo", "hi"];
    await nacre(["create", ...words]);
    expect(await nacre(["start", "-a", "once"])).toMatchObject({ code: 0, stdout: "hi\n" });
    for (const again of [
      ["start", "-a", "once"],
      ["cp", "once:/etc", "-"],
      ["diff", "once"],
      ["export", "once"],
      ["commit", "once", "once:1"],
    ]) {
      const { code, stderr } = await nacre(again);
      expect({ code, stderr }, again[0]).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/what the container (once )?had written is gone/),
      });
    }
    await nacre(["rm", "once"]);
  });

  it("is explained without being run", async () => {
    const { code, stdout } = await nacre(["explain", "run", name, "echo", "hi"]);
    expect(code).toBe(0);
    expect(stdout).toContain("erofs");
    expect(stdout).toContain("echo");
  });

  it("leaves nothing below the state root", async () => {
    const before = below();
    for (const command of ["true", "false", "nothing", "compiler"]) await run(command);
    await nacre(["run", "--rm", "host", "true"]);
    expect(below()).toEqual(before);
    expect(existsSync(join(root, "containers"))).toBe(false);
  });
});
