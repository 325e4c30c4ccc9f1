// That a container's filter is compiled once, kept, and made again where it is not what it was.

import type { ContainerRequest } from "@nacre/core/program/request.ts";
import { SystemCallFilters } from "@nacre/engine/containers/system-call-filters.ts";
import { StatePaths } from "@nacre/engine/images/paths.ts";
import { describe, expect, it } from "vitest";

const PATH = "/state/filters/default1-amd64-a80425fb";

/** Files in memory, with what was written. */
function bench(files = new Map<string, Uint8Array>(), broken = false) {
  const ports = {
    readBytes: (path: string) => {
      const found = files.get(path);
      if (!found) throw new Error("ENOENT");
      return found;
    },
    makeDirectory: () => undefined,
    replace: (path: string, bytes: Uint8Array) => {
      if (broken) throw new Error("ENOSPC");
      files.set(path, bytes);
    },
  };
  const codec = {
    hasher: () => {
      let text = "";
      return {
        update: (bytes: Uint8Array) => {
          text += bytes.join("");
        },
        digest: () => `sha256:${text.length}`,
      };
    },
  };
  const facts = { architecture: "amd64", release: "6.12.1-test" };
  const filters = new SystemCallFilters(
    ports as never,
    codec as never,
    new StatePaths("/state"),
    () => facts as never,
    { capabilities: () => ["CAP_CHOWN", "CAP_SYS_ADMIN"] },
  );
  const filter = async (request: Partial<ContainerRequest> = {}) => {
    await filters.load(request);
    return filters.of(request, "id");
  };
  return { files, filter };
}

describe("filters of system calls", () => {
  it("are kept by what they depend on", async () => {
    const { files, filter } = bench();
    const usual = await filter();
    expect(usual?.instructions.length).toBeGreaterThan(1000);
    await filter({ capabilities: { add: ["SYS_ADMIN"], drop: [] } });
    await filter({ seccomp: '{"defaultAction":"SCMP_ACT_ALLOW"}' });
    expect([...files.keys()]).toEqual([
      PATH,
      expect.stringMatching(/^\/state\/filters\/default1-amd64-a82425fb$/),
      expect.stringMatching(/^\/state\/filters\/\d+-amd64-6\.12-a80425fb$/),
    ]);
    expect((await bench(files).filter())?.instructions).toEqual(usual?.instructions);
  });

  it("are made again where what is kept is torn, and not kept where nothing can be", async () => {
    const { files, filter } = bench();
    const usual = await filter();
    const whole = files.get(PATH)!;
    for (const torn of [new Uint8Array(), new Uint8Array(whole.length), whole.slice(0, 99)]) {
      files.set(PATH, torn);
      expect(await bench(files).filter()).toEqual(usual);
      expect(files.get(PATH)).toEqual(whole);
    }
    const hole = whole.slice();
    hole.fill(0, 1000, 2000);
    files.set(PATH, hole);
    expect(await bench(files).filter()).toEqual(usual);
    expect(await bench(new Map(), true).filter()).toEqual(usual);
  });

  it("are none where they were lifted, or all protection was", async () => {
    const { filter } = bench();
    expect(await filter({ seccomp: "unconfined" })).toBeUndefined();
    expect(await filter({ privileged: true })).toBeUndefined();
    expect(await filter({ privileged: true, seccomp: '{"defaultAction":"SCMP_ACT_LOG"}' })).toEqual(
      { instructions: expect.any(Uint8Array), flags: [] },
    );
  });

  it("name who listens, with the state of the container", async () => {
    const seccomp = JSON.stringify({
      defaultAction: "SCMP_ACT_ALLOW",
      listenerPath: "/run/agent",
      listenerMetadata: "mine",
      syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_NOTIFY" }],
    });
    const { filter } = bench();
    const { listener } = (await filter({ seccomp }))!;
    expect(listener?.path).toBe("/run/agent");
    expect(JSON.parse(listener!.state.join("7"))).toMatchObject({
      ...{ fds: ["seccompFd"], pid: 7, metadata: "mine" },
      state: { id: "id", bundle: "/state/containers/id", status: "creating", pid: 7 },
    });
  });

  it("are refused by the field that is wrong", async () => {
    const { filter } = bench();
    const refused = (profile: unknown) =>
      expect(filter({ seccomp: JSON.stringify(profile) })).rejects.toThrow;
    const rule = { names: ["read"], action: "SCMP_ACT_ALLOW" };
    const allow = { defaultAction: "SCMP_ACT_ALLOW" };
    await refused({})(/profile.defaultAction is undefined/);
    await refused({ defaultAction: "SCMP_ACT_NOTIFY" })(/defaultAction is SCMP_ACT_NOTIFY/);
    await refused({ ...allow, syscalls: [{ ...rule, names: [] }] })(/syscalls\[0\].names is empty/);
    await refused({ ...allow, syscalls: [{ ...rule, names: ["reed"] }] })(
      /no architecture has a call/,
    );
    await refused({ ...allow, syscalls: [{ ...rule, action: "SCMP_ACT_NOTIFY" }] })(
      /profile.listenerPath is missing/,
    );
    await refused({ ...allow, syscalls: [{ ...rule, args: [{ index: 6, op: "SCMP_CMP_EQ" }] }] })(
      /syscalls\[0\].args\[0\].index is 6/,
    );
    await refused({ ...allow, syscalls: [{ ...rule, args: [{ index: 1, op: "EQ" }] }] })(
      /args\[0\].op is "EQ"; known are SCMP_CMP_NE/,
    );
    await refused({ ...allow, syscalls: [{ ...rule, errnoRet: 4096 }] })(/errnoRet is 4096/);
    await refused({ ...allow, architectures: ["X86"] })(/architectures\[0\] is "X86"/);
    await refused({ ...allow, flags: ["LOG"] })(/flags\[0\] is "LOG"/);
    await refused({ ...allow, syscalls: 7 })(/syscalls is not a list/);
    await refused({ ...allow, listenerMetadata: "x" })(/listenerMetadata is set without/);
    await expect(filter({ seccomp: "{" })).rejects.toThrow(/profile is not JSON/);
  });
});
