import { readlinkSync } from "node:fs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { defaultRoot, isRootless } from "../../cli/default-root.ts";
import { nacre } from "./fake-host.ts";

const [, inode = ""] = /\[(\d+)\]/.exec(readlinkSync("/proc/self/ns/user")) ?? [];
const HERE = { NACRE_USER_NAMESPACE: `${inode}:1:aa`, HOME: "/home/me" };

const as = (uid: number) => vi.spyOn(process, "geteuid").mockReturnValue(uid);
afterEach(() => vi.restoreAllMocks());

describe("where state is kept", () => {
  it("is the machine's place for root, also with somebody else's mark in its environment", () => {
    as(0);
    expect(defaultRoot({ HOME: "/root" })).toBe("/var/lib/nacre");
    expect(defaultRoot({ ...HERE, NACRE_USER_NAMESPACE: "1:1:aa" })).toBe("/var/lib/nacre");
  });

  it("is at home for who is root of a namespace that we made, and for who is not root at all", () => {
    as(0);
    expect(defaultRoot(HERE)).toBe("/home/me/.local/share/nacre");
    as(1000);
    expect(defaultRoot({ HOME: "/home/me" })).toBe("/home/me/.local/share/nacre");
    expect(defaultRoot({ HOME: "/home/me", XDG_DATA_HOME: "/data" })).toBe("/data/nacre");
    expect(defaultRoot({ HOME: "/home/me", XDG_DATA_HOME: "relative" })).toContain("/home/me/");
    expect(isRootless({})).toBe(true);
  });
});

describe("unshare", () => {
  it("executes a program in the user's namespace, or its shell", async () => {
    as(0);
    const run = await nacre(["unshare", "ls", "-l"], { environment: HERE });
    expect([run.code, run.host.executed]).toEqual([3, [["ls", "-l"]]]);
    const shell = await nacre(["unshare"], { environment: { ...HERE, SHELL: "/bin/zsh" } });
    expect(shell.host.executed).toEqual([["/bin/zsh"]]);
  });

  it("is refused to root, and to who got no namespace", async () => {
    as(0);
    const root = await nacre(["unshare", "ls"], {});
    expect([root.code, root.err]).toMatchObject([125, expect.stringContaining("not root")]);
    as(1000);
    const environment = { NACRE_ROOTLESS_FAULT: "unshare: No space left on device" };
    const refused = await nacre(["unshare", "ls"], { environment });
    expect(refused.err).toContain("gets no user namespace (unshare: No space left");
    expect(refused.code).toBe(125);
  });
});
