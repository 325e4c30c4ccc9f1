// `nacre registry serve` as it is installed, where the plugin is a module of its own: what it says of
// requests that the engine refuses.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { OWN_NODE } from "../own-node.ts";

const START = join(import.meta.dirname, "../../cli/dist/start.cjs");
const root = mkdtempSync(join(tmpdir(), "nacre-registry-process-"));
let server: ChildProcess;
let url: string;

beforeAll(async () => {
  const words = ["--backend", "simulated", "--root", root, "registry", "serve", "-q"];
  server = spawn(OWN_NODE, [START, ...words, "--address", "127.0.0.1:0"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const address = await new Promise<string>((resolve, reject) => {
    let text = "";
    server.once("exit", () => reject(new Error(`it ended: ${text}`)));
    server.stdout?.on("data", (bytes) => {
      text += String(bytes);
      if (text.endsWith("\n")) resolve(text.trim());
    });
  });
  url = `http://${address}/v2/team/app`;
});
afterAll(async () => {
  const ended = new Promise((resolve) => server.once("exit", resolve));
  server.kill("SIGTERM");
  await ended;
  rmSync(root, { recursive: true, force: true });
});

const codeOf = async (answer: Response) =>
  ((await answer.json()) as { errors: { code: string }[] }).errors[0]?.code;

it("answers to a manifest that is none, and to a blob with another digest", async () => {
  const headers = { "content-type": "application/vnd.oci.image.manifest.v1+json" };
  for (const body of ["{}", "garbage", ""]) {
    const answer = await fetch(`${url}/manifests/1`, { method: "PUT", headers, body });
    expect([answer.status, await codeOf(answer)]).toEqual([400, "MANIFEST_INVALID"]);
  }
  const digest = `sha256:${"0".repeat(64)}`;
  const target = `${url}/blobs/uploads/?digest=${digest}`;
  const answer = await fetch(target, { method: "POST", body: "other bytes" });
  expect([answer.status, await codeOf(answer)]).toEqual([400, "DIGEST_INVALID"]);
});
