// The simulated engine in a browser: what the package brings is bundled for a page as anybody
// would, and Chromium runs an image from bytes there.

import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tar } from "../images/tar.ts";

const CHROMIUM = spawnSync("chromium", ["--version"], { encoding: "utf8" });
const ENTRY = fileURLToPath(new URL("../../cli/dist/simulated.mjs", import.meta.url));
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const program = (name: string) => ({ name, mode: 0o755, content: "\u007fELF of a real machine\n" });
const layer = gzipSync(
  tar([
    { name: "bin", type: "directory" },
    ...["sh", "cat", "tr", "sleep", "ps", "head", "ls"].map((name) => program(`bin/${name}`)),
    { name: "etc", type: "directory" },
    { name: "etc/os-release", content: "ID=tiny\n" },
    {
      name: "app.sh",
      content: "cat /etc/os-release | tr a-z A-Z; sleep 60; echo hi >/x; ls /; exit 5\n",
    },
  ]),
);

let directory: string;
let server: Server;
let script: string;
let imports: readonly string[];
const answer = Promise.withResolvers<unknown>();

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "nacre-browser-"));
  const build = await rolldown({
    input: fileURLToPath(new URL("page.ts", import.meta.url)),
    platform: "browser",
    resolve: { alias: { "nacre/simulated": ENTRY } },
  });
  const { output } = await build.generate({ format: "es", codeSplitting: false });
  script = output[0].code;
  imports = output[0].imports.filter((id) => id !== output[0].fileName);
  server = createServer((request, response) => {
    if (request.url === "/")
      response
        .setHeader("content-type", "text/html")
        .end('<script type="module" src="/page.js"></script>');
    else if (request.url === "/page.js")
      response.setHeader("content-type", "text/javascript").end(script);
    else if (request.url === "/layer.tar.gz") response.end(layer);
    else if (request.url === "/result") {
      let text = "";
      request.setEncoding("utf8").on("data", (chunk) => {
        text += chunk;
      });
      request.on("end", () => {
        response.end();
        answer.resolve(JSON.parse(text));
      });
    } else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
}, 60_000);
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(directory, { recursive: true, force: true, maxRetries: 10 });
});

describe("the simulated engine in a page", () => {
  it("needs nothing of Node", () => {
    expect(imports).toEqual([]);
    expect(script).not.toMatch(/(from|require\(|import\()\s*["']node:/);
  });

  // Without Debian's chromium there is no browser to run it in; scripts/test.ts installs it as root.
  it.skipIf(CHROMIUM.status !== 0)("runs an image from bytes", { timeout: 120_000 }, async () => {
    const { port } = server.address() as AddressInfo;
    const page = `http://127.0.0.1:${port}/`;
    const data = `--user-data-dir=${join(directory, "profile")}`;
    const browser = spawn("chromium", [...FLAGS, data, "--remote-debugging-port=0", page], {
      stdio: "ignore",
      detached: true,
      // It leaves files there when it is killed.
      env: { ...process.env, TMPDIR: directory },
    });
    const ended = new Promise((resolve) => browser.once("exit", resolve));
    try {
      const died = ended.then((code) => ({ error: `chromium ended with ${code}` }));
      expect(await Promise.race([answer.promise, died])).toEqual({
        result: { code: 5, stdout: "ID=TINY\napp.sh\nbin\ndev\netc\nproc\nsys\nx\n", stderr: "" },
        joined: { code: 0, stdout: "PID COMMAND\n1   sleep 1d\n", stderr: "" },
        exitCode: 137,
        node: "undefined",
      });
    } finally {
      if (browser.pid !== undefined) process.kill(-browser.pid, "SIGKILL");
      await ended;
    }
  });
});
