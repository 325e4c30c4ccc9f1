import type { Files } from "@nacre/core/ports/files.ts";
import { delegatedHierarchies } from "@nacre/engine/unprivileged/delegated.ts";
import { describe, expect, it } from "vitest";

/** Paths of the user's, and texts of files. */
function machine(ours: readonly string[], texts: Readonly<Record<string, string>>): Files {
  const status = (path: string) => {
    const directory = path.replace(/\/cgroup\.procs$/, "");
    return { uid: ours.includes(directory) ? 0 : 65_534 };
  };
  const readText = (path: string) => texts[path] ?? "";
  return { status, readText } as unknown as Files;
}

const V2 = {
  version: 2,
  id: 0,
  controllers: ["cpu", "memory"],
  root: "/",
  mountpoint: "/c",
} as const;
const V1 = { version: 1, id: 4, controllers: ["memory"], root: "/", mountpoint: "/m" } as const;
const SERVICE = "/user.slice/user-1000.slice/user@1000.service";

describe("cgroups that are delegated to a user", () => {
  it("begin at the topmost node of theirs above the one they stand in", () => {
    const app = `${SERVICE}/app.slice/terminal.scope`;
    const ours = [SERVICE, `${SERVICE}/app.slice`, app].map((path) => `/c${path}`);
    const files = machine(ours, {
      "/proc/self/cgroup": `0::${app}\n`,
      [`/c${SERVICE}/cgroup.controllers`]: "memory pids\n",
    });
    expect(delegatedHierarchies(files, [V2])).toEqual([
      { ...V2, mountpoint: `/c${SERVICE}`, controllers: ["memory", "pids"] },
    ]);
  });

  it("are none for who stands elsewhere, whatever else is theirs", () => {
    const files = machine([`/c${SERVICE}`], {
      "/proc/self/cgroup": "0::/user.slice/user-1000.slice/session-3.scope\n",
    });
    expect(delegatedHierarchies(files, [V2])).toEqual([]);
  });

  it("are on v2 not the node with their own processes in it, and on v1 are that, too", () => {
    const files = machine(["/c/mine", "/m/mine"], {
      "/proc/self/cgroup": "4:memory:/mine\n0::/mine\n",
    });
    expect(delegatedHierarchies(files, [V1, V2])).toEqual([{ ...V1, mountpoint: "/m/mine" }]);
  });

  it("are found below what a container has mounted of them", () => {
    const files = machine(["/m/mine"], { "/proc/self/cgroup": "4:memory:/box/mine/deep\n" });
    expect(delegatedHierarchies(files, [{ ...V1, root: "/box" }])).toEqual([
      { ...V1, root: "/box", mountpoint: "/m/mine" },
    ]);
  });
});
