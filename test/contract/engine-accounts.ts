// Lines that a container's /etc/passwd and /etc/group get, on whatever kernel: part of engineContract.

import { expect, it } from "vitest";
import { type Bench, refusal } from "./engine.ts";

const SHOWN = "cat /etc/passwd /etc/group";
const USER = "1234:*:1234:77:container user:/tmp:/bin/sh";
const GROUP = "77:x:77:1234";
const ASKED = { user: "1234:77", workingDirectory: "/tmp", accounts: { add: true } };

const linesOf = (text: string): string[] => text.split("\n").filter((line) => line !== "");

export function accountCases(bench: () => Bench): void {
  it("gives a user by number a name where that is asked for, and not otherwise", async () => {
    const before = linesOf((await bench().sh(`${SHOWN} 2>/dev/null`)).stdout);
    expect(before).not.toContain(USER);
    const { stdout, stderr } = await bench().sh(`${SHOWN}; echo $HOME`, ASKED);
    expect(stderr).toBe("");
    expect(linesOf(stdout).toSorted()).toEqual([...before, USER, GROUP, "/tmp"].toSorted());
    const plain = await bench().sh(`${SHOWN} 2>/dev/null`, { user: "1234:77" });
    expect(linesOf(plain.stdout)).toEqual(before);
    const refused = await bench().sh(`${SHOWN} 2>/dev/null`, {
      ...ASKED,
      accounts: { add: false },
    });
    expect(linesOf(refused.stdout)).toEqual(before);
  });

  it("writes them to the container's own layer before its first start, and never again", async () => {
    await bench().start("named", "sleep 0.2", ASKED);
    await bench().containers.wait("named");
    const changes = await bench().subject.engine.archives.changes("named");
    expect(changes.map(({ path }) => path)).toEqual(
      expect.arrayContaining(["/etc/passwd", "/etc/group"]),
    );
    await bench().containers.remove("named");
    // What it makes of them is its own.
    const script = `${SHOWN}; : >/etc/passwd`;
    await bench().start("emptied", script, { ...ASKED, user: "0:77" });
    await bench().containers.wait("emptied");
    await bench().containers.start("emptied");
    await bench().containers.wait("emptied");
    const lines = await bench().logs("emptied");
    expect(lines.filter((line) => line.trim() === "stdout 77:x:77:0")).toHaveLength(2);
    await bench().containers.remove("emptied");
  });

  it("puts a file in place of a link, wherever that leads, and writes through none", async () => {
    const { engine } = bench().subject;
    const made = "mkdir -p /etc; echo there:x:5:5::/: >/real; ln -sf ../../../real /etc/passwd";
    await bench().start("linked", made);
    await bench().containers.wait("linked");
    await engine.archives.commit("linked", { reference: "linked:1" });
    await bench().containers.remove("linked");
    const script = "cat /etc/passwd; echo; cat /real; test -L /etc/passwd || echo file";
    const { stdout } = await bench().sh(script, { ...ASKED, image: "linked:1" });
    expect(linesOf(stdout)).toEqual(["there:x:5:5::/:", USER, "there:x:5:5::/:", "file"]);
    await engine.images.remove("linked:1");
  });

  it("leaves what is mounted there as it is", async () => {
    const mounts = [{ type: "tmpfs", target: "/etc", options: [] }] as const;
    const { stdout } = await bench().sh("ls /etc; id -u", { ...ASKED, mounts });
    expect(stdout).not.toContain("passwd");
    const bound = [{ type: "volume", name: "accounts", target: "/etc/", readOnly: false }] as const;
    await bench().sh("true", { ...ASKED, mounts: bound });
    const kept = await bench().sh("cat /etc/passwd 2>/dev/null || true", { mounts: bound });
    expect(kept.stdout).not.toContain("container user");
    await bench().subject.engine.volumes.remove("accounts");
  });

  it("keeps them in a root that is read-only", async () => {
    const { stdout } = await bench().sh(`${SHOWN}; touch /etc/x 2>/dev/null || echo closed`, {
      ...ASKED,
      readOnlyRoot: true,
    });
    expect(linesOf(stdout)).toEqual(expect.arrayContaining([USER, GROUP, "closed"]));
  });

  it("refuses a user of the machine that there is not, before anything is made", async () => {
    const accounts = { hostUsers: ["nobody-has-this"] };
    const error = await refusal(bench().sh("true", { accounts }));
    expect(error).toMatchObject({
      kind: "not-found",
      message: expect.stringContaining("--hostuser"),
    });
    expect(bench().containers.list({ all: true })).toEqual([]);
  });
}
