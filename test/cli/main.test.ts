import { NacreError } from "@nacre/core/error.ts";
import { describe, expect, it } from "vitest";
import { CATALOG } from "../../cli/catalog.ts";
import { FakeEngine } from "./fake-engine.ts";
import { nacre } from "./fake-host.ts";

describe("the command line", () => {
  it.each([[], ["--help"], ["-h"], ["help"]])("explains itself to 'nacre %s'", async (...words) => {
    const { code, out, host } = await nacre(words);
    expect(code).toBe(0);
    expect(out).toContain("Usage:  nacre [OPTIONS] COMMAND");
    for (const { name, group } of CATALOG) {
      if (group === "") expect(out).not.toContain(`\n  ${name} `);
      else expect(out).toContain(`\n  ${name}`);
    }
    for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
    expect(host.made).toBeUndefined();
  });

  it.each(CATALOG.filter(({ group }) => group !== ""))(
    "teaches $name: usage, purpose, options, an example, within 80 columns where words allow",
    async (entry) => {
      const { code, out } = await nacre([...entry.name.split(" "), "--help"]);
      expect(code).toBe(0);
      expect(out).toMatch(new RegExp(`^Usage: {2}nacre ${entry.name}`));
      expect(out).toContain(entry.summary);
      const { options, examples } = (await entry.load()).default;
      for (const { long } of Object.values(options)) expect(out).toContain(`--${long}`);
      for (const [line] of examples) expect(out).toContain(line);
      expect(examples.length).toBeGreaterThan(0);
      const prose = out.split("\n").filter((line) => !line.startsWith("  "));
      for (const line of prose) expect(line.length).toBeLessThanOrEqual(80);
      expect(await nacre(["help", ...entry.name.split(" ")])).toMatchObject({ code: 0, out });
    },
  );

  it("lists what belongs to a group", async () => {
    const { code, out } = await nacre(["image"]);
    expect(code).toBe(0);
    expect(out).toContain("image layers");
    expect(out).not.toContain("exec");
  });

  it.each([
    [["bogus"], 1, "nacre: unknown command: nacre bogus\nSee 'nacre --help'.\n"],
    [
      ["image", "bogus"],
      1,
      "nacre: unknown command: nacre image bogus\nSee 'nacre image --help'.\n",
    ],
    [["--bogus", "ps"], 125, "unknown flag: --bogus\nSee 'nacre --help'.\n"],
    [["run", "--x", "img"], 125, "unknown flag: --x\nSee 'nacre run --help'.\n"],
    [["ps", "--x"], 125, "unknown flag: --x\nSee 'nacre ps --help'.\n"],
    [["run"], 125, "nacre: 'nacre run' requires at least 1 argument\nSee 'nacre run --help'.\n"],
    [["pull"], 1, "nacre: 'nacre pull' requires 1 argument\nSee 'nacre pull --help'.\n"],
    [["ps", "x"], 1, "nacre: 'nacre ps' accepts no arguments\nSee 'nacre ps --help'.\n"],
    [
      ["exec", "x"],
      1,
      "nacre: 'nacre exec' requires at least 2 arguments\nSee 'nacre exec --help'.\n",
    ],
    [
      ["--backend", "bsd", "ps"],
      125,
      'invalid argument "bsd" for "--backend" flag: must be one of linux, simulated\nSee \'nacre --help\'.\n',
    ],
  ])("answers %j with code %i", async (words, code, err) => {
    expect(await nacre(words)).toMatchObject({ code, err, out: "" });
  });

  it("answers to the other names that docker has", async () => {
    const engine = new FakeEngine();
    const { out } = await nacre(["container", "ls", "-q"], { engine });
    expect(out).toBe("0123456789ab\n");
  });

  it("prints its version without an engine", async () => {
    expect((await nacre(["--version"])).out).toMatch(/^nacre version \d+\.\d+\.\d+\n$/);
    const formats = ["{{.Version}}", "{{.Client.Version}}", "{{.Server.Version}}"];
    for (const format of formats) {
      expect((await nacre(["version", "-f", format])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
    }
  });
});

describe("global options", () => {
  const settled = async (words: string[], environment = {}) =>
    (await nacre([...words, "ps"], { environment, engine: new FakeEngine() })).host.made;

  it("have defaults", async () => {
    expect(await settled([])).toEqual({
      root: "/var/lib/nacre",
      backend: "linux",
      logLevel: "info",
      plugins: [],
    });
  });

  it("are taken from the environment, unless a flag says otherwise", async () => {
    const environment = {
      NACRE_ROOT: "/env",
      NACRE_BACKEND: "simulated",
      NACRE_SNAPSHOTTER: "directory",
      NACRE_LOG_LEVEL: "warn",
      NACRE_PLUGINS: "one, ./two",
    };
    const fromEnvironment = {
      root: "/env",
      backend: "simulated",
      snapshotter: "directory",
      logLevel: "warn",
      plugins: [
        { wanted: "one", origin: "NACRE_PLUGINS" },
        { wanted: "./two", origin: "NACRE_PLUGINS" },
      ],
    };
    expect(await settled([], environment)).toEqual(fromEnvironment);
    const flags = ["--root=/flag", "--backend", "linux", "--plugin", "three"];
    expect(await settled(flags, environment)).toEqual({
      ...fromEnvironment,
      plugins: [{ wanted: "three", origin: "--plugin" }, ...fromEnvironment.plugins],
      root: "/flag",
      backend: "linux",
    });
  });

  it("take an empty variable for none, and refuse one that means nothing", async () => {
    expect(await settled([], { NACRE_ROOT: "" })).toMatchObject({ root: "/var/lib/nacre" });
    const { code, err } = await nacre(["ps"], { environment: { NACRE_BACKEND: "bsd" } });
    expect(code).toBe(125);
    expect(err).toContain('invalid value "bsd" of NACRE_BACKEND');
  });
});

describe("errors", () => {
  const failing = (failure: Error, words: string[]) => {
    const engine = new FakeEngine();
    engine.failure = failure;
    return nacre(words, { engine });
  };

  it.each([
    ["not-found", 125, 1],
    ["denied", 125, 1],
    ["command-not-found", 127, 127],
    ["command-not-executable", 126, 126],
  ] as const)("of kind %s end run with %i and exec with %i", async (kind, run, exec) => {
    const error = new NacreError(kind, "it failed: because");
    expect((await failing(error, ["run", "img"])).code).toBe(run);
    expect((await failing(error, ["exec", "c", "true"])).code).toBe(exec);
  });

  it("are one line of what failed and one of advice", async () => {
    const error = new NacreError("unreachable", "cannot pull x: no route", {
      advice: "Look at the cable.",
      cause: new Error("EHOSTUNREACH"),
    });
    expect((await failing(error, ["pull", "-q", "x"])).err).toBe(
      "nacre: cannot pull x: no route\nLook at the cable.\n",
    );
  });

  it("show their causes under --log-level debug", async () => {
    const error = new NacreError("unreachable", "cannot pull x", {
      operation: "GET /v2/",
      cause: new Error("EHOSTUNREACH"),
    });
    const { err } = await failing(error, ["--log-level", "debug", "pull", "-q", "x"]);
    expect(err).toContain("operation: GET /v2/");
    expect(err).toContain("caused by:\nError: EHOSTUNREACH");
  });

  it("never send a terminal what it would obey", async () => {
    const { err } = await failing(new NacreError("invalid", "no such \u001b[2Jthing\u009b"), [
      "run",
      "-q",
      "x",
    ]);
    expect(err).toBe("nacre: no such \\x1b[2Jthing\\x9b\n");
  });

  it("that nobody foresaw are called defects", async () => {
    const { code, err } = await failing(new TypeError("x is undefined"), ["run", "img"]);
    expect(code).toBe(125);
    expect(err).toContain("nacre: a defect of Nacre: x is undefined\nPlease report it");
  });

  it("leave no engine open", async () => {
    const engine = new FakeEngine();
    engine.failure = new NacreError("internal", "x");
    await nacre(["run", "img"], { engine });
    expect(engine.disposed).toBe(1);
  });
});
