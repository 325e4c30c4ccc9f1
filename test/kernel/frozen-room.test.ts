// Commands in a cgroup with little memory: a frozen Node would take more than is there.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it, vi } from "vitest";
import { temporaryDirectory } from "../contract/temporary.ts";

const NACRE = fileURLToPath(new URL("../../cli/bin/nacre", import.meta.url));
const FROZEN = fileURLToPath(new URL("../../cli/dist/frozen", import.meta.url));
/** The hierarchy of the memory controller, and the file of its limit. */
const [hierarchy, limit] = existsSync("/sys/fs/cgroup/memory")
  ? ["/sys/fs/cgroup/memory", "memory.limit_in_bytes"]
  : ["/sys/fs/cgroup", "memory.max"];
const group = join(hierarchy, `nacre-test-room-${process.pid}`);

afterAll(() => vi.waitUntil(gone, { timeout: 20_000 }));

/** The kernel lets go of a group a moment after its last process. */
function gone(): boolean {
  try {
    if (existsSync(group)) rmdirSync(group);
    return true;
  } catch {
    return false;
  }
}

/** What `info` says of how its Node has begun, in a group with so much memory. */
function begins(mebibytes: number): string {
  writeFileSync(join(group, limit), String(mebibytes << 20));
  const words = ["--root", temporaryDirectory(), "info", "--format", "{{.Node.Thawed}}"];
  const line = `echo $$ > ${join(group, "cgroup.procs")} && exec ${NACRE} "$@"`;
  const { stdout, stderr } = spawnSync("/bin/sh", ["-c", line, "sh", ...words], {
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  return stdout.trim();
}

describe("a command", () => {
  it("begins in a Node of its own where there is little memory", ({ skip }) => {
    if (!existsSync(FROZEN)) skip("nothing is frozen on this processor");
    mkdirSync(group);
    if (!existsSync(join(group, limit))) skip("no memory controller is to be had here");
    expect([begins(1024), begins(256), begins(512)]).toEqual(["true", "false", "true"]);
  });
});
