// The engine of a user who is not root, on the simulated kernel: it is held to the same rules of
// user namespaces, so that what they forbid fails here, too.

import type { Operation } from "@nacre/core/program/operation.ts";
import { describe, expect, it } from "vitest";
import { type SimulateOptions, simulate, tools } from "../../cli/simulated.ts";

const line = (containerID: number, hostID: number, size: number) => ({ containerID, hostID, size });
const RANGE = [line(0, 1000, 1), line(1, 100_000, 65_536)];
const WHOLE = { uids: RANGE, gids: RANGE };
const SINGLE = { uids: RANGE.slice(0, 1), gids: RANGE.slice(0, 1) };

const unprivileged = (options: SimulateOptions = {}) =>
  simulate({
    images: { shell: { files: { ...tools, "/etc/motd": "hello\n", "/sub/old": "old\n" } } },
    userNamespace: WHOLE,
    ...options,
  });

describe.each([
  ["subordinate IDs", WHOLE],
  ["one ID", SINGLE],
])("a user with %s", (_, userNamespace) => {
  it("runs and executes as root of containers, and leaves the machine as it was", async () => {
    await using simulation = await unprivileged({ userNamespace });
    const { engine, kernel } = simulation;
    // What the first one leaves: its image, and a filter.
    await simulation.run("shell", ["true"]);
    const before = kernel.state();
    const run = await simulation.run("shell", ["sh", "-c", "cat /etc/motd; echo x >/tmp-file"]);
    expect(run).toEqual({ code: 0, stdout: "hello\n", stderr: "" });
    expect(kernel.state()).toEqual(before);
    const request = { image: "shell", name: "box", command: ["sleep", "1000"] };
    await engine.containers.run(request, undefined, { detached: true });
    const exec = await simulation.exec("box", ["cat", "/etc/motd"]);
    expect(exec.stdout).toBe("hello\n");
    await engine.containers.remove("box", { force: true });
    expect(kernel.state().mounts).toEqual(before.mounts);
  });

  it("finds what a container has changed by the marks that a user may set", async () => {
    await using simulation = await unprivileged({ userNamespace });
    const { engine } = simulation;
    const request = { image: "shell", name: "box" };
    const script = "rm -r /sub && mkdir /sub && echo new >/sub/new; rm /bin/ls";
    const run = await engine.containers.run({ ...request, command: ["sh", "-c", script] });
    await run.exited;
    const changes = await engine.archives.changes("box");
    const shown = changes.map(({ kind, path }) => `${kind} ${path}`);
    expect(shown).toEqual(expect.arrayContaining(["D /bin/ls", "A /sub/new", "D /sub/old"]));
  });
});

describe("a user who is not root", () => {
  it("owns what containers write, as the kernel counts", async () => {
    await using simulation = await unprivileged();
    const { kernel } = simulation;
    await simulation.run("shell", ["true"]);
    const root = "/home/user/.local/share/nacre";
    expect(kernel.state().files[root]).toBe("directory 700 1000:1000");
    expect(kernel.facts()).toMatchObject({ erofs: "none", userNamespace: WHOLE });
  });

  it("is refused what its namespace may not do", async () => {
    await using simulation = await unprivileged();
    const { kernel } = simulation;
    await simulation.run("shell", ["true"]);
    const before = kernel.state();
    const nobody = simulation.run("shell", ["true"], { user: "70000" });
    await expect(nobody).rejects.toThrow("user 70000:0 is nobody here");
    const node: Operation = {
      ...{ op: "placeNode", path: "/made", type: "block", major: 8, minor: 0 },
      ...{ mode: 0o600, uid: 0, gid: 0 },
    };
    const host: Operation[] = [{ op: "openRoot", path: "/home/user" }, node];
    await expect(kernel.perform({ title: "a disk", host })).rejects.toThrow("EPERM");
    const erofs = { type: "erofs", source: "none", options: [], attributes: [] };
    const mount = { op: "mount", mount: erofs, target: "/home/user" } as const;
    await expect(kernel.perform({ title: "EROFS", host: [mount] })).rejects.toThrow("EPERM");
    expect(kernel.state()).toEqual(before);
  });
});
