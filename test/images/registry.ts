// Debian's docker-registry on a free loopback port, with a storage of its own that goes when it is
// stopped. Images get there as they do in life: skopeo pushes them.

import { execFile, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { CACHED_TAG } from "./cache.ts";

const run = promisify(execFile);
const START_MS = 60_000;

function configuration(storage: string, htpasswd: string | undefined): string {
  const auth = htpasswd && { auth: { htpasswd: { realm: "test", path: htpasswd } } };
  // The registry reads YAML, of which JSON is a part.
  return JSON.stringify({
    version: "0.1",
    log: { level: "info", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: storage }, delete: { enabled: true } },
    // It says which port it got. One that was chosen before could be somebody else's by then.
    http: { addr: "127.0.0.1:0" },
    ...auth,
  });
}

export interface RegistryOptions {
  /** Where blobs lie; by default in the temporary directory. */
  readonly folder?: string;
  /** Lines of an htpasswd file (bcrypt), to ask for credentials. */
  readonly htpasswd?: string;
  /** `user:password`, for pushing to it. */
  readonly credentials?: string;
}

export interface TestRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly address: string;
  /** Where its blobs lie, for tests that damage them. */
  readonly storage: string;
  /** Pushes a layout's image; returns the digest of its manifest as skopeo reports it. */
  push(layout: string, repository: string, tag?: string): Promise<string>;
  stop(): Promise<void>;
}

/** Starts a registry. Rejects with its own words if it does not come up. */
export async function startRegistry(options: RegistryOptions = {}): Promise<TestRegistry> {
  const folder = mkdtempSync(join(options.folder ?? tmpdir(), "nacre-registry-"));
  const [storage, log] = [join(folder, "storage"), join(folder, "log")];
  const htpasswd = options.htpasswd === undefined ? undefined : join(folder, "htpasswd");
  if (htpasswd !== undefined) writeFileSync(htpasswd, options.htpasswd ?? "");
  writeFileSync(join(folder, "config.yml"), configuration(storage, htpasswd));
  const output = openSync(log, "w");
  // It ends with whoever started it, also when that is killed.
  const command = ["--pdeathsig", "TERM", "docker-registry", "serve", join(folder, "config.yml")];
  const child = spawn("setpriv", command, { stdio: ["ignore", output, output] });
  closeSync(output);
  const ended = new Promise<void>((resolve) => {
    child.on("exit", () => resolve());
    child.on("error", () => resolve());
  });
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const end = performance.now() + START_MS;
  let address: string | undefined;
  for (;;) {
    address = /listening on (127\.0\.0\.1:\d+)"/.exec(readFileSync(log, "utf8"))?.[1];
    if (address !== undefined && (await answers(address))) break;
    if (child.exitCode === null && child.pid !== undefined && performance.now() < end) {
      await sleep(20);
      continue;
    }
    const words = readFileSync(log, "utf8");
    await stop();
    throw new Error(`docker-registry did not start: ${words || "is it installed?"}`);
  }
  const push = (layout: string, repository: string, tag = "latest"): Promise<string> =>
    skopeoPush(layout, `docker://${address}/${repository}:${tag}`, options.credentials);
  return { address, storage, push, stop, [Symbol.asyncDispose]: stop };
}

async function answers(address: string): Promise<boolean> {
  try {
    const response = await fetch(`http://${address}/v2/`);
    await response.body?.cancel();
    return response.ok || response.status === 401;
  } catch {
    return false;
  }
}

async function skopeoPush(
  layout: string,
  target: string,
  credentials: string | undefined,
): Promise<string> {
  const creds = credentials === undefined ? [] : ["--creds", credentials];
  const dest = credentials === undefined ? [] : ["--dest-creds", credentials];
  await run("skopeo", [
    "copy",
    "--quiet",
    "--preserve-digests",
    "--dest-tls-verify=false",
    ...dest,
    `oci:${layout}:${CACHED_TAG}`,
    target,
  ]);
  const inspect = ["inspect", "--tls-verify=false", ...creds, "--format", "{{.Digest}}", target];
  return (await run("skopeo", inspect)).stdout.trim();
}
