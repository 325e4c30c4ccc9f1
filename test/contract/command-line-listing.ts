// In which order, and with what, things are listed, as podman has it; and what it removes at once:
// part of commandLineContract.

import { expect, it } from "vitest";
import type { HostSettings } from "../cli/fake-host.ts";
import type { Outcome } from "./command-line.ts";

interface Tools {
  readonly image: () => string;
  readonly nacre: (settings: HostSettings, ...words: string[]) => Promise<Outcome>;
  readonly does: (...words: string[]) => Promise<string>;
  readonly start: (name: string, script: string, ...options: string[]) => Promise<string>;
}

const PATIENCE = { timeout: 20_000 };
const LOOP = "while :; do sleep 0.05; done";

export function listingCases({ image, nacre, does, start }: Tools): void {
  const lines = (text: string) => text.split("\n").filter((line) => line !== "");

  it("lists containers in the order that is asked for, and without headings", async () => {
    const create = (name: string, ...command: string[]) =>
      does("create", "--network", "none", "--name", name, image(), ...command);
    const ids = [await create("bb", "true"), await create("cc", "false")];
    await start("aa", LOOP);
    const names = async (...options: string[]) =>
      lines(await does("ps", "-a", "--format", "{{.Names}}", ...options)).join(" ");
    expect(await names("--sort", "names")).toBe("aa bb cc");
    expect(await names("--sort", "command")).toBe("cc aa bb");
    expect((await names("--sort", "runningfor")).slice(-2)).toBe("aa");
    expect((await names("--sort", "status")).slice(-2)).toBe("aa");
    const sorted = lines(await does("ps", "-aq", "--no-trunc", "--sort", "id"));
    expect(sorted).toEqual([...sorted].sort());
    expect(sorted).toEqual(expect.arrayContaining(ids));
    const created = "{{.CreatedAt}}";
    const times = lines(await does("ps", "-a", "--sort", "created", "--format", created));
    expect(times).toEqual([...times].sort());
    const bare = lines(await does("ps", "--noheading"));
    expect(bare).toEqual([expect.stringMatching(/^[0-9a-f]{12} .* aa$/)]);
    expect(await does("ps", "--noheading", "--format", "table {{.Names}}\t{{.State}}")).toMatch(
      /^aa +running$/,
    );
    const { code, err } = await nacre({}, "ps", "--sort", "bogus");
    expect([code, err.includes("must be one of command, created, id")]).toEqual([125, true]);
  });

  it("lists namespaces: those that containers share have one number", async () => {
    const more = ["--pid", "host", "--uts", "container:nn"];
    await start("nn", LOOP);
    await start("mm", LOOP, ...more);
    await does("create", "--network", "none", "--name", "oo", image(), "true");
    const fields = ["Names", "Pid", "PIDNS", "UTS", "MNT", "USERNS", "CGROUPNS", "IPC", "NET"];
    const format = fields.map((field) => `{{.${field}}}|`).join("");
    const rows = lines(await does("ps", "-a", "--sort", "names", "--format", format)).map((line) =>
      Object.fromEntries(
        line
          .slice(0, -1)
          .split("|")
          .map((word, index) => [fields[index], word]),
      ),
    );
    const [mm, nn, oo] = rows as [Record<string, string>, ...Record<string, string>[]];
    expect(oo).toMatchObject({ Names: "oo", Pid: "0", PIDNS: "", NET: "" });
    for (const field of fields.slice(2)) expect(nn?.[field], field).toMatch(/^[1-9]\d*$/);
    expect(mm.UTS).toBe(nn?.UTS);
    expect(mm.USERNS).toBe(nn?.USERNS);
    for (const field of ["PIDNS", "MNT", "IPC", "NET"]) expect(mm[field]).not.toBe(nn?.[field]);
    const [head, ...table] = lines(await does("ps", "--ns", "--sort", "names"));
    expect(head).toMatch(/^CONTAINER ID +NAMES +PID +CGROUPNS +IPC +MNT +NET +PIDNS +USERNS +UTS$/);
    expect(table.map((row) => row.split(/ +/)[1])).toEqual(["mm", "nn"]);
    expect(table[1]?.split(/ +/)).toEqual([
      ...[expect.stringMatching(/^[0-9a-f]{12}$/), "nn", nn?.Pid, nn?.CGROUPNS, nn?.IPC, nn?.MNT],
      ...[nn?.NET, nn?.PIDNS, nn?.USERNS, nn?.UTS],
    ]);
    const json = JSON.parse(await does("ps", "--namespace", "-f", "name=nn", "--format", "json"));
    expect(json).toMatchObject({ PIDNS: nn?.PIDNS, Names: "nn" });
    for (const other of ["-q", "-s"]) {
      const { code, err } = await nacre({}, "ps", "--ns", other);
      expect([code, err.includes("and namespace options conflict")]).toEqual([125, true]);
    }
  });

  it("lists again and again, until an interrupt", async () => {
    const watch = ["ps", "-a", "--format", "{{.Names}}", "--watch", "1"];
    await does("create", "--network", "none", "--name", "seen", image(), "true");
    expect(await nacre({ sleeps: 3 }, ...watch)).toEqual({
      ...{ code: 130, out: "seen\nseen\nseen\n", err: "" },
    });
    const atTerminal = await nacre({ sleeps: 2, terminals: [1] }, ...watch);
    expect(atTerminal.out).toBe("\u001b[H\u001b[Jseen\n".repeat(2));
    expect(await does("ps", "-aq", "-w", "0")).toMatch(/^[0-9a-f]{12}$/);
    for (const wrong of ["-1", "x", "86401"]) {
      expect((await nacre({}, "ps", "--watch", wrong)).code).toBe(125);
    }
  });

  it("lists images and volumes so, too", async () => {
    await does("tag", image(), "zz/last:1");
    await does("tag", image(), "aa/first:2");
    const names = async (sort: string) =>
      lines(await does("images", "--sort", sort, "--format", "{{.Repository}}")).filter((name) =>
        name.includes("/"),
      );
    const byName = (await names("repository")).filter((name) => /^(aa|zz)\//.test(name));
    expect(byName).toEqual(["aa/first", "zz/last"]);
    const byTag = (await names("tag")).filter((name) => /^(aa|zz)\//.test(name));
    expect(byTag).toEqual(["zz/last", "aa/first"]);
    expect(lines(await does("images", "--noheading", "aa/first"))).toHaveLength(1);
    await does("volume", "create", "only");
    expect(await does("volume", "ls", "--noheading")).toMatch(/^local +only$/);
    await does("volume", "rm", "only");
    expect(await does("rmi", "zz/last:1", "aa/first:2")).toContain("Untagged: aa/first:2");
    expect(await nacre({}, "rmi", "-i", "aa/first:2")).toEqual({ code: 0, out: "", err: "" });
    expect((await nacre({}, "rmi", "-a", "aa/first:2")).err).toContain("cannot be used together");
  });

  it("lets a container end before it is removed, where it gets time for that", async () => {
    const traps = `trap 'echo bye; exit 0' TERM; echo ready; ${LOOP}`;
    await start("polite", traps, "-v", "kept:/kept");
    await expect.poll(() => does("logs", "polite"), PATIENCE).toBe("ready");
    const { err, code } = await nacre({}, "rm", "-t", "5", "polite");
    expect([code, err.includes("--time is for -f")]).toEqual([125, true]);
    const events = nacre({}, "wait", "polite");
    expect(await does("rm", "-f", "-t", "20", "polite")).toBe("polite");
    expect((await events).out).toBe("0\n");
    const deaf = `trap '' TERM; echo ready; ${LOOP}`;
    await start("deaf", deaf, "--rm");
    await expect.poll(() => does("logs", "deaf"), PATIENCE).toBe("ready");
    expect(await does("rm", "-f", "--time", "0", "deaf")).toBe("deaf");
    expect(await does("ps", "-aq")).toBe("");
    await does("volume", "rm", "kept");
  });

  it("removes an image with its container, unless another container has it", async () => {
    const images = () => does("images", "-q", "only");
    const run = () => does("run", "-d", "--network", "none", "--rmi", "only:1", "true");
    await start("source", "true");
    await does("wait", "source");
    await does("commit", "source", "only:1");
    await does("create", "--network", "none", "--name", "other", "only:1", "true");
    const gone = async () => {
      const { code, err } = await nacre({}, "wait", "--condition", "removed", await run());
      // Who asks when it is gone already is told so.
      expect(code === 0 ? "no such container" : err).toContain("no such container");
    };
    await gone();
    expect(await images()).not.toBe("");
    await does("rm", "other", "source");
    await gone();
    await expect.poll(images, PATIENCE).toBe("");
  });

  it("says as JSON what a container has changed, and writes an image's ID to a file", async () => {
    await start("changing", "echo x > /added; rm /bin/cat");
    await does("wait", "changing");
    expect(JSON.parse(await does("diff", "--format", "json", "changing"))).toEqual({
      ...{ changed: ["/bin"], added: ["/added"], deleted: ["/bin/cat"] },
    });
    const id = await does("commit", "-q", "--iidfile", "/iid", "changing", "changed:1");
    expect(await does("images", "-q", "--no-trunc", "changed:1")).toBe(id);
    await does("rmi", "changed:1");
  });

  it("restarts what runs, and removes all volumes, where nobody is named", async () => {
    const ran = await start("runs", LOOP);
    await start("ended", "true");
    await does("wait", "ended");
    expect(await does("restart", "-t", "0", "--running")).toBe(ran);
    await does("volume", "create", "one");
    await does("volume", "create", "two");
    expect(lines(await does("volume", "rm", "-a")).sort()).toEqual(["one", "two"]);
    expect((await nacre({}, "volume", "rm", "-a", "one")).err).toContain("cannot be used together");
    expect(await does("kill", "runs")).toBe("runs");
    expect(await does("wait", "-i", "1s", "runs")).toBe("137");
  });
}
