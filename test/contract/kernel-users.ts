// User namespaces, mounts with other owners, and who acts outside of one, on whatever kernel.

import type { OwnerMap } from "@nacre/core/program/mount-description.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import { describe, expect, it } from "vitest";
import {
  errnoFail,
  execute,
  hostProgram,
  type KernelBench,
  refusal,
  TMPFS,
} from "./kernel-bench.ts";

const MAP: OwnerMap = { uids: "0 300000 1000\n", gids: "0 400000 1000\n" };

/** Written while the child waits. */
const maps = ({ uids, gids }: OwnerMap): Operation[] => [
  { op: "writeProcessFile", name: "uid_map", data: uids },
  { op: "writeProcessFile", name: "gid_map", data: gids },
];
const USERS = { create: ["mnt", "pid", "uts", "ipc", "user"] } as const;
const ROOT: Operation = { op: "setUser", uid: 0, gid: 0, groups: [] };

const outside = (operations: readonly Operation[]): Operation[] =>
  operations.map((operation) => ({ ...operation, outside: true }));

export function usersContract(bench: () => KernelBench): void {
  describe("mounts with other owners", () => {
    const place = () => `${bench().subject.scratch}/a`;
    const mounted = (): Operation[] => [
      { op: "makeDirectory", path: place(), mode: 0o755, existing: "fail" },
      { op: "mount", mount: TMPFS, target: place() },
    ];
    const mapped = (idmap: OwnerMap): Operation => ({
      ...{ op: "bind", source: place(), target: place(), idmap },
    });
    /** What the kernel says of the last of some operations. */
    const errnoOf = async (...operations: readonly Operation[]): Promise<string | undefined> => {
      const error = await refusal(bench().kernel.perform(hostProgram(operations)));
      expect(error.cause).toMatchObject({ index: operations.length - 1 });
      await bench().unchanged();
      return error.errno;
    };

    it.each([
      ["an overlap", { uids: "0 1 2\n1 9 1\n", gids: "0 1 1\n" }, "EINVAL"],
      ["no ID", { uids: "0 1 0\n", gids: "0 1 1\n" }, "EINVAL"],
      ["one kind alone", { uids: "0 1 1\n", gids: "" }, "EINVAL"],
      ["341 lines", { uids: lines(341), gids: "0 1 1\n" }, "EINVAL"],
    ])("are refused for a map with %s", async (_what, idmap, errno) => {
      expect(await errnoOf(...mounted(), mapped(idmap))).toBe(errno);
    });

    const LACKING = "before Linux 6.3 a tmpfs has no other owners";
    const lacks = (): boolean => bench().subject.tmpfsOwners === false;

    it("are made once of a mount, and of no file system without owners of its own", async (context) => {
      if (lacks()) return context.skip(LACKING);
      expect(await errnoOf(...mounted(), mapped(MAP), mapped(MAP))).toBe("EPERM");
      const proc: Operation = {
        ...{ op: "mount", target: place() },
        mount: { type: "proc", source: "proc", options: [], attributes: [] },
      };
      const directory = mounted()[0] as Operation;
      expect(await errnoOf(directory, proc, mapped(MAP))).toBe("EINVAL");
    });

    it("take files of whom they know, and of nobody else", async (context) => {
      if (lacks()) return context.skip(LACKING);
      const file = (name: string): Operation => ({
        ...{ op: "createFile", path: `${place()}/${name}`, mode: 0o644, data: "" },
      });
      const acts: Operation = { op: "actAsOwner", uid: 300007, gid: 400008 };
      expect(await errnoOf(...mounted(), mapped(MAP), file("roots"))).toBe("EOVERFLOW");
      const program = [...mounted(), mapped(MAP), acts, file("theirs")];
      expect(await errnoOf(...program, errnoFail(28))).toBe("ENOSPC");
    });
  });

  describe("a child in a user namespace", () => {
    it("has a root that others make for it, and that belongs to its own root", async () => {
      const child: Operation[] = [
        ...outside([
          { op: "actAsOwner", uid: 300000, gid: 400000 },
          ...bench().enter({ op: "mountInRoot", mount: TMPFS, target: "/tmp" }),
          { op: "makeDirectory", path: "/tmp/made", mode: 0o700, existing: "fail" },
        ]),
        { op: "openRoot", path: "/" },
        ROOT,
        { op: "changeDirectory", path: "/tmp/made" },
        execute("cat", "/proc/self/uid_map"),
      ];
      const { code, stdout } = await bench().outcome({ clone: USERS, parent: maps(MAP), child });
      expect({ code, map: stdout.trim().split(/\s+/) }).toEqual({
        code: 0,
        map: ["0", "300000", "1000"],
      });
      await bench().unchanged();
    });

    it("is told which operation failed outside, and leaves nothing", async () => {
      const whole = [...outside(bench().enter()), execute("true")];
      for (let index = 0; index < whole.length; index++) {
        const wrong = index < whole.length - 1 ? outside([errnoFail(5)]) : [errnoFail(5)];
        const child = [...whole.slice(0, index), ...wrong, ...whole.slice(index)];
        const error = await refusal(bench().start({ clone: USERS, parent: maps(MAP), child }));
        expect(error.cause).toMatchObject({ section: "child", index, errno: "EIO" });
        await bench().unchanged();
      }
    });

    it("is gone if who acts outside is killed", async () => {
      const killed: Operation = { op: "fail", errno: 0, fatal: true };
      const child = [...outside([killed]), execute("true")];
      const error = await refusal(bench().start({ clone: USERS, parent: maps(MAP), child }));
      expect(error.cause).toMatchObject({ errno: "EINTR" });
      await bench().unchanged();
    });

    it("cannot do itself what takes the machine's powers", async () => {
      const overlay: Operation = {
        ...{ op: "bind", source: bench().subject.scratch, target: bench().subject.scratch },
        idmap: MAP,
      };
      const child = [overlay, execute("true")];
      const error = await refusal(bench().start({ clone: USERS, parent: maps(MAP), child }));
      expect(error.cause).toMatchObject({ section: "child", index: 0, errno: "EPERM" });
      await bench().unchanged();
    });

    it("takes its limits from who made it", async () => {
      const parent: Operation[] = [
        ...maps(MAP),
        { op: "setLimit", resource: 7, soft: 50n, hard: 60n },
      ];
      const child = [
        ...outside(bench().enter()),
        { op: "openRoot", path: "/" } as const,
        execute("cat", "/proc/self/limits"),
      ];
      const { stdout } = await bench().outcome({ clone: USERS, parent, child });
      expect(stdout).toMatch(/^Max open files\s+50\s+60/m);
    });

    it.each([
      [{ op: "execute", arguments: ["true"], environment: [], outside: true }],
      [{ op: "setUser", uid: 0, gid: 0, groups: [], outside: true }],
      [{ op: "actAsOwner", uid: 0, gid: 0 }],
    ] satisfies [Operation][])(
      "does not have done for it what is its own: %j",
      async (operation) => {
        const child = [operation as Operation, execute("true")];
        const error = await refusal(bench().start({ clone: USERS, parent: maps(MAP), child }));
        expect(error.kind).toBe("internal");
      },
    );
  });
}

function lines(count: number): string {
  return Array.from({ length: count }, (_, i) => `${i} ${i} 1\n`).join("");
}
