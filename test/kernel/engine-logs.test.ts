// Logs of limited size, from the command line to the files on disk.

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { benchForTests, outcomeOf } from "./engine-bench.ts";

const bench = benchForTests();

const COUNT = 'i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo "line $i"; done';
const LINES = Array.from({ length: 3000 }, (_, i) => `line ${i + 1}`);

const run = (name: string, script: string, ...options: string[]) =>
  bench.does(["run", "-d", "--name", name, ...options, bench.name(), "sh", "-c", script]);
const inspect = async (name: string) => JSON.parse(await bench.does(["inspect", name]))[0];
const logFiles = (id: string) =>
  readdirSync(join(bench.root, "containers", id)).filter((name) => name.startsWith("log.json"));

describe("a log", () => {
  it("takes no more room than it may, and its newest lines stay", async () => {
    await bench.unchanged(async () => {
      const options = ["--log-opt", "max-size=10k", "--log-opt", "max-file=3"];
      const id = await run("limited", COUNT, ...options);
      await bench.does(["wait", "limited"]);
      const names = logFiles(id);
      expect(names.sort()).toEqual(["log.json", "log.json.1", "log.json.2"]);
      for (const name of names) {
        expect(statSync(join(bench.root, "containers", id, name)).size).toBeLessThan(10_100);
      }
      const lines = (await bench.does(["logs", "limited"])).split("\n");
      expect(lines).toEqual(LINES.slice(-lines.length));
      expect(lines.length).toBeGreaterThan(200);
      expect(await bench.does(["logs", "--tail", "300", "limited"])).toBe(
        LINES.slice(-Math.min(300, lines.length)).join("\n"),
      );
      expect((await inspect("limited")).HostConfig.LogConfig).toMatchObject({
        ...{ Type: "json-file", Config: { "max-size": "10000", "max-file": "3" } },
      });
      await bench.does(["rm", "limited"]);
    });
  });

  it("goes on where it was when its container starts again", async () => {
    const id = await run("again", COUNT, "--log-opt", "max-size=100k");
    await bench.does(["wait", "again"]);
    const before = logFiles(id).length;
    await bench.does(["start", "again"]);
    await bench.does(["wait", "again"]);
    expect(logFiles(id).length).toBeGreaterThan(before);
    expect(await bench.does(["logs", "again"])).toBe([...LINES, ...LINES].join("\n"));
    await bench.does(["rm", "again"]);
  });

  it("is followed without a gap by who comes while it is written", async () => {
    const options = ["--log-opt", "max-size=4k", "--log-opt", "max-file=1000"];
    await run("followed", `sleep 0.5; ${COUNT}`, ...options);
    const { code, stdout } = await outcomeOf(bench.start(["logs", "-f", "followed"]));
    expect(code).toBe(0);
    expect(stdout.trimEnd().split("\n")).toEqual(LINES);
    await bench.does(["rm", "followed"]);
  });

  it("has limits that nobody asked for", async () => {
    await run("usual", "echo here");
    await bench.does(["wait", "usual"]);
    expect((await inspect("usual")).HostConfig.LogConfig.Config).toEqual({
      ...{ "max-size": "20000000", "max-file": "5" },
    });
    await bench.does(["rm", "usual"]);
  });

  it("is not kept with the driver none, and nobody waits for it to be read", async () => {
    const id = await run("silent", `${COUNT}; exit 4`, "--log-driver", "none");
    expect(await bench.does(["wait", "silent"])).toBe("4");
    expect(logFiles(id)).toEqual([]);
    const { code, stderr } = await bench.nacre(["logs", "silent"]);
    expect(code).toBe(1);
    expect(stderr).toContain("does not support reading");
    await bench.does(["rm", "silent"]);
  });

  it("refuses options that mean nothing", async () => {
    for (const [words, message] of [
      [["--log-driver", "none", "--log-opt", "a=b"], "invalid logging opts for driver none"],
      [["--log-opt", "a=b"], "unknown log opt 'a' for json-file log driver"],
      [["--log-opt", "max-file=0"], "max-file cannot be less than 1"],
      [["--log-driver", "syslog"], "log driver syslog not found"],
    ] as const) {
      const { code, stderr } = await bench.nacre(["run", ...words, bench.name(), "true"]);
      expect(code).toBe(125);
      expect(stderr).toContain(message);
    }
  });
});
