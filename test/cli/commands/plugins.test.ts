import type { InstalledPlugin } from "@nacre/plugin-loader/installed.ts";
import { describe, expect, it } from "vitest";
import { nacre } from "../fake-host.ts";

const plugin = (name: string, origin: string): InstalledPlugin => ({
  manifest: {
    name,
    version: "1.2.3",
    apiVersion: 1,
    module: "./plugin.js",
    provides: [
      { port: "NetworkDriver", name: "quiet", platforms: [] },
      { port: "Runtime", name: "lua", platforms: ["lua/any"] },
    ],
  },
  directory: `/opt/${name}`,
  origin,
});
const plugins = [plugin("first", "bundled"), plugin("second", "--plugin")];
const run = (...words: string[]) => nacre(["plugin", ...words], { plugins });

describe("plugin ls", () => {
  it("shows what each provides and who named it", async () => {
    const { code, out } = await run("ls");
    expect(code).toBe(0);
    const rows = out
      .trimEnd()
      .split("\n")
      .map((line) => line.split(/ {2,}/));
    expect(rows).toEqual([
      ["NAME", "VERSION", "API", "PROVIDES", "FROM"],
      ["first", "1.2.3", "1", "NetworkDriver quiet, Runtime lua", "bundled"],
      ["second", "1.2.3", "1", "NetworkDriver quiet, Runtime lua", "--plugin"],
    ]);
  });

  it("is formatted as other lists are", async () => {
    expect((await run("ls", "-q")).out).toBe("first\nsecond\n");
    const format = "{{.Name}} in {{.Directory}}";
    expect((await run("ls", "--format", format)).out).toContain("first in /opt/first\n");
    expect(JSON.parse((await run("ls", "--json")).out)).toMatchObject([
      { Name: "first", Version: "1.2.3", API: "1", Origin: "bundled" },
      { Name: "second" },
    ]);
    expect((await run("ls", "--format", "json")).out.split("\n")).toHaveLength(3);
  });

  it("makes no engine", async () => {
    expect((await run("ls")).host.made).toBeUndefined();
  });
});

describe("plugin inspect", () => {
  it("shows the manifest and where the package is", async () => {
    expect(JSON.parse((await run("inspect", "second")).out)).toEqual([
      {
        Name: "second",
        Version: "1.2.3",
        ApiVersion: 1,
        Module: "./plugin.js",
        Directory: "/opt/second",
        From: "--plugin",
        Provides: [
          { Port: "NetworkDriver", Name: "quiet" },
          { Port: "Runtime", Name: "lua", Platforms: ["lua/any"] },
        ],
      },
    ]);
  });

  it("says which there are where one is not", async () => {
    const { code, err } = await run("inspect", "third");
    expect(code).toBe(1);
    expect(err).toBe("nacre: no such plugin: third\nThere are: first, second.\n");
  });
});
