// Containers that are chosen by options, as podman has it: part of commandLineContract.

import { expect, it } from "vitest";
import type { HostSettings } from "../cli/fake-host.ts";
import type { Outcome } from "./command-line.ts";

interface Tools {
  readonly nacre: (settings: HostSettings, ...words: string[]) => Promise<Outcome>;
  readonly does: (...words: string[]) => Promise<string>;
  readonly start: (name: string, script: string, ...options: string[]) => Promise<string>;
}

const PATIENCE = { timeout: 20_000 };
const LOOP = "while :; do sleep 0.05; done";

export function selectionCases({ nacre, does, start }: Tools): void {
  const states = async () => {
    const rows = await does("ps", "-a", "--format", "{{.Names}}={{.State}}");
    return rows.split("\n").sort().join(" ");
  };
  const sorted = (...ids: string[]) => ids.sort().join("\n");
  const lines = (text: string) => text.split("\n").sort().join("\n");

  it("does to all what can be done to them, and says to which", async () => {
    const one = await start("one", LOOP);
    const two = await start("two", LOOP, "--label", "ci");
    await start("ended", "true");
    await does("wait", "ended");
    expect(lines(await does("pause", "-a"))).toBe(sorted(one, two));
    expect(await does("unpause", "--filter", "label=ci")).toBe(two);
    expect(await states()).toBe("ended=exited one=paused two=running");
    expect(await does("unpause", "-a")).toBe(one);
    expect(lines(await does("stop", "-t", "0", "-a"))).toBe(sorted(one, two));
    expect(await does("stop", "-a")).toBe("");
    expect(await does("start", "--filter", "label=ci")).toBe(two);
    expect(await does("kill", "--all")).toBe(two);
    await does("wait", "two");
    expect(await does("rm", "--filter", "label=ci")).toBe(two);
    expect((await does("rm", "-f", "-a")).split("\n")).toHaveLength(2);
    expect(await does("rm", "-a")).toBe("");
  });

  it("takes the one that was made last where nobody is named", async () => {
    await start("first", "sleep 0.1");
    // By then the clock says something else, also a simulated one.
    await does("wait", "first");
    const last = await start("last", `echo said; ${LOOP}`);
    await expect.poll(() => does("logs", "-l"), PATIENCE).toBe("said");
    expect(await does("inspect", "-l", "-f", "{{.Name}}")).toBe("/last");
    expect(await does("top", "-l", "--", "-o", "pid")).toMatch(/^PID\n/);
    expect(await does("exec", "-d", "-l", "touch", "/made")).toBe("");
    await expect.poll(() => does("diff", "-l"), PATIENCE).toBe("A /made");
    expect(await does("stats", "--no-stream", "-l", "--format", "{{.Name}}")).toBe("last");
    expect(await does("restart", "-t", "0", "-l")).toBe(last);
    expect(await does("kill", "-l")).toBe(last);
    expect(await does("wait", "-l")).toBe("137");
    expect(await does("rm", "-l")).toBe(last);
    expect(await states()).toBe("first=exited");
  });

  it("takes those whose IDs stand in files, and says nothing of who is gone if so asked", async () => {
    const id = await start("filed", LOOP);
    const settings = { files: { "/id": `${id}\n`, "/empty": "\n" } };
    const run = (words: string) => nacre(settings, ...words.split(" "));
    const said = { code: 0, out: `${id}\n`, err: "" };
    expect(await run("pause --cidfile /id")).toEqual(said);
    expect(await run("rm -f --cidfile /id")).toEqual(said);
    expect((await run("rm --cidfile /id")).err).toContain("no such container");
    expect(await run("rm -i --cidfile /id")).toEqual({ ...said, out: "" });
    expect(await run("stop -i --cidfile /id nobody")).toEqual({ ...said, out: "" });
    expect((await run("stop --cidfile /empty")).err).toContain("there is no ID in it");
    const missing = await run("stop --cidfile /none");
    expect(missing).toMatchObject({ code: 125, out: "" });
    expect(missing.err).toContain("no such file");
  });

  it.each([
    ["stop", "requires at least 1 argument"],
    ["stop -a web", "--all and names of containers cannot be used together"],
    ["stop -a -l", "--all and --latest cannot be used together"],
    ["rm --latest --filter label=x", "--latest and --filter cannot be used together"],
    ["kill -l", "there is no container"],
    ["logs -l web", "cannot be used together"],
    ["exec -l", "requires at least 1 argument"],
    ["pause --filter bogus=1", "bogus"],
  ])("refuses %s", async (words, says) => {
    const { code, out, err } = await nacre({}, ...words.split(" "));
    expect([code === 0, out]).toEqual([false, ""]);
    expect(err).toContain(says);
  });

  it("checks health when somebody asks, beside the checks that come by themselves", async () => {
    const never = [
      "--health-cmd",
      "test -e /ok",
      "--health-interval",
      "1h",
      "--health-retries",
      "2",
    ];
    await start("patient", LOOP, ...never);
    const check = () => nacre({}, "healthcheck", "run", "patient");
    const health = "{{.State.Health.Status}} {{.State.Health.FailingStreak}}";
    expect(await check()).toEqual({ code: 1, out: "starting\n", err: "" });
    expect(await check()).toEqual({ code: 1, out: "unhealthy\n", err: "" });
    expect(await does("inspect", "-f", health, "patient")).toBe("unhealthy 2");
    await does("exec", "-d", "patient", "touch", "/ok");
    await expect.poll(async () => (await check()).out, PATIENCE).toBe("healthy\n");
    expect(await does("inspect", "-f", health, "patient")).toBe("healthy 0");
    await does("kill", "patient");
    await does("wait", "patient");
    const late = await check();
    expect([late.code, late.out]).toEqual([125, ""]);
    await start("plain", LOOP);
    const none = await nacre({}, "healthcheck", "run", "plain");
    expect(none.err).toContain("container plain has no health check");
  });

  it("says by the exit code alone what is there", async () => {
    await start("there", "true");
    await does("volume", "create", "kept");
    for (const words of ["container exists there", "volume exists kept"]) {
      expect(await does(...words.split(" ")), words).toBe("");
    }
    for (const kind of ["container", "image", "volume", "manifest"]) {
      expect(await nacre({}, kind, "exists", "nobody"), kind).toEqual({
        code: 1,
        out: "",
        err: "",
      });
    }
    await does("volume", "rm", "kept");
  });
}
