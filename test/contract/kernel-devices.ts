// What a Kernel does with filters of devices (cgroup v2). Making a node asks for `m`, reading one
// for `r`; who is in a node is held by its filter and by those above.

import type { SpecDeviceRule } from "@nacre/core/oci/runtime-spec.ts";
import { deviceFilter } from "@nacre/core/program/device-filter.ts";
import type { Operation } from "@nacre/core/program/operation.ts";
import { describe, expect, it } from "vitest";
import { execute, hostProgram, type KernelBench, refusal, TMPFS } from "./kernel-bench.ts";

const DENY_ALL: SpecDeviceRule = { allow: false, type: "a", access: "rwm" };
const NULL_ONLY = [DENY_ALL, allow("c", 1, 3, "rwm")];

function allow(type: "b" | "c", major: number, minor: number, access: string): SpecDeviceRule {
  return { allow: true, type, major, minor, access };
}

const node = (path: string): Operation => ({ op: "makeCgroup", path, shared: false });
const filter = (path: string, rules: readonly SpecDeviceRule[]): Operation => ({
  ...{ op: "attachDeviceFilter", path, instructions: deviceFilter(rules) },
});

export function devicesContract(bench: () => KernelBench): void {
  describe("filters of devices", () => {
    const top = (): string | undefined => bench().subject.unifiedCgroup;

    /** Makes a device in a tmpfs and reads it, from within a node. The operation's errno, or the output's end. */
    async function tried(
      host: readonly Operation[],
      path: string,
      device: {
        readonly type: "character" | "block";
        readonly major: number;
        readonly minor: number;
      },
    ): Promise<string> {
      const place: Operation = {
        ...{ op: "placeNode", path: "/dev/it", ...device, mode: 0o666, uid: 0, gid: 0 },
      };
      const child = [
        ...bench().enter({ op: "mountInRoot", mount: TMPFS, target: "/dev" }, place),
        execute("cat", "/dev/it"),
      ];
      try {
        const { code, stderr } = await bench().outcome({ host, child, clone: { cgroups: [path] } });
        return code === 0 ? "read" : /not permitted/i.test(stderr) ? "made" : stderr;
      } catch (error) {
        const { cause, errno } = error as { cause?: { section?: string }; errno?: string };
        return `${cause?.section}: ${errno}`;
      }
    }

    it("let what a rule allows be made and read, and nothing else", async ({ skip }) => {
      const above = top() ?? skip("this machine has no cgroup v2");
      const own = `${above}/own`;
      const at = (
        rules: SpecDeviceRule[],
        type: "character" | "block",
        major: number,
        minor: number,
      ) => tried([node(own), filter(own, rules)], own, { type, major, minor });
      expect(await at(NULL_ONLY, "character", 1, 3)).toBe("read");
      expect(await at(NULL_ONLY, "character", 1, 5)).toBe("child: EPERM");
      expect(await at(NULL_ONLY, "block", 1, 3)).toBe("child: EPERM");
      expect(await at([DENY_ALL, allow("c", 1, 3, "m")], "character", 1, 3)).toBe("made");
      expect(await at([DENY_ALL, allow("c", 1, 3, "r")], "character", 1, 3)).toBe("child: EPERM");
      await bench().unchanged();
    });

    it("hold below their node, and one that is narrower does not widen them", async ({ skip }) => {
      const above = top() ?? skip("this machine has no cgroup v2");
      const [outer, inner] = [`${above}/outer`, `${above}/outer/inner`];
      const both = (first: SpecDeviceRule[], second: SpecDeviceRule[]) =>
        tried([node(outer), filter(outer, first), node(inner), filter(inner, second)], inner, {
          type: "character",
          major: 1,
          minor: 3,
        });
      expect(await both(NULL_ONLY, NULL_ONLY)).toBe("read");
      expect(await both([DENY_ALL], NULL_ONLY)).toBe("child: EPERM");
      expect(await both(NULL_ONLY, [DENY_ALL])).toBe("child: EPERM");
      await bench().unchanged();
    });

    it("are replaced in one step, and what was there comes back if a later step fails", async ({
      skip,
    }) => {
      const above = top() ?? skip("this machine has no cgroup v2");
      const own = `${above}/own`;
      const replace: Operation = {
        op: "attachDeviceFilter",
        path: own,
        instructions: deviceFilter([DENY_ALL]),
        before: deviceFilter(NULL_ONLY),
      };
      const look = () => tried([], own, { type: "character", major: 1, minor: 3 });
      await bench().kernel.perform(hostProgram([node(own), filter(own, NULL_ONLY)]));
      expect(await look()).toBe("read");
      const failing = hostProgram([replace, { op: "fail", errno: 5 }]);
      expect((await refusal(bench().kernel.perform(failing))).errno).toBe("EIO");
      expect(await look()).toBe("read");
      await bench().kernel.perform(hostProgram([replace]));
      expect(await look()).toBe("child: EPERM");
      await bench().kernel.perform(
        hostProgram([{ op: "removeDirectory", path: own, retryMs: 2000, ifUnused: false }]),
      );
      await bench().unchanged();
    });

    it("are refused where they are no program, or the place is no cgroup v2", async ({ skip }) => {
      const above = top() ?? skip("this machine has no cgroup v2");
      const attempt = async (path: string, instructions: Uint8Array): Promise<unknown> =>
        (
          await refusal(
            bench().kernel.perform(hostProgram([{ op: "attachDeviceFilter", path, instructions }])),
          )
        ).errno;
      const good = deviceFilter(NULL_ONLY);
      expect(await attempt(above, good.subarray(0, 8 * 6))).toBe("EINVAL");
      expect(await attempt(above, new Uint8Array(16))).toBe("EINVAL");
      expect(await attempt(bench().subject.scratch, good)).toBe("EBADF");
      expect(await attempt(`${above}/none`, good)).toBe("ENOENT");
      await bench().unchanged();
    });
  });
}
