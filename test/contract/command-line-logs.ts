// Logs of several containers at once, as podman has them: part of commandLineContract.

import { expect, it } from "vitest";
import type { HostSettings } from "../cli/fake-host.ts";
import type { Outcome } from "./command-line.ts";

interface Tools {
  readonly nacre: (settings: HostSettings, ...words: string[]) => Promise<Outcome>;
  readonly does: (...words: string[]) => Promise<string>;
  readonly start: (name: string, script: string, ...options: string[]) => Promise<string>;
}

/** What comes in milliseconds may take seconds on a machine that is busy with something else. */
const PATIENCE = { timeout: 20_000 };

export function logCases({ nacre, does, start }: Tools): void {
  it("shows the logs of several containers in the order of their times, and whose lines they are", async () => {
    const waits = "echo a1; while [ ! -e /go ]; do sleep 0.05; done; echo a2";
    const a = (await start("aa", waits)).slice(0, 12);
    await expect.poll(() => does("logs", "aa"), PATIENCE).toBe("a1");
    const b = (await start("bb", "sleep 0.02; echo b1; echo wrong >&2")).slice(0, 12);
    await does("wait", "bb");
    await does("exec", "-d", "aa", "touch", "/go");
    await does("wait", "aa");
    expect(await nacre({}, "logs", "bb", "aa")).toEqual({
      ...{ code: 0, out: `${a} a1\n${b} b1\n${a} a2\n`, err: `${b} wrong\n` },
    });
    const named = { code: 0, out: "aa a1\nbb b1\naa a2\n", err: "bb wrong\n" };
    expect(await nacre({}, "logs", "--names", "aa", "bb")).toEqual(named);
    expect((await nacre({}, "logs", "--names", "-n", "1", "aa", "bb")).out).toBe("aa a2\n");
    expect((await nacre({}, "logs", "--names", "--color", "bb", "aa")).out).toBe(
      "\u001b[31maa a1\u001b[0m\n\u001b[37mbb b1\u001b[0m\n\u001b[31maa a2\u001b[0m\n",
    );
    const followed = await nacre({}, "logs", "-f", "--names", "aa", "bb");
    expect({ ...followed, out: followed.out.split("\n").sort().join("\n") }).toEqual({
      ...{ code: 0, out: "\naa a1\naa a2\nbb b1", err: "bb wrong\n" },
    });
  });

  it("leaves the lines of one container as they are, and refuses what is not one", async () => {
    await start("only", "echo said");
    await does("wait", "only");
    expect(await does("logs", "--names", "only")).toBe("said");
    expect(await does("logs", "--names", "--latest")).toBe("said");
    const absent = await nacre({}, "logs", "only", "nobody");
    expect(absent).toMatchObject({ code: 1, out: "" });
    expect(absent.err).toContain("no such container: nobody");
    const both = await nacre({}, "logs", "-l", "only");
    expect(both).toMatchObject({ code: 125, out: "" });
    expect(both.err).toContain("--latest and names of containers cannot be used together");
    expect((await nacre({}, "logs", "-n", "only", "only")).err).toContain("podman's -n is --names");
  });
}
