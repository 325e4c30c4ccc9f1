// The package as others get it: packed, installed in an empty project without a network, imported,
// type-checked, started.

import { spawnSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readsUsing } from "../own-node.ts";
import { compiledCode } from "./compiled-code.ts";
import { shown, stepsOf } from "./guide.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const NODE = realpathSync(process.execPath);
const OLDEST = { target: "node22" } as const;

let project: string;

function run(command: string, words: readonly string[], directory: string, more = {}) {
  const { status, stdout, stderr } = spawnSync(command, words, {
    cwd: directory,
    encoding: "utf8",
    env: { ...process.env, PATH: `${dirname(NODE)}:${process.env.PATH}`, ...more },
  });
  if (status !== 0) throw new Error(`${command} ${words.join(" ")}: ${status}\n${stdout}${stderr}`);
  return stdout;
}

/** Puts a source into the project, compiled where this Node does not read it as it is. */
async function write(name: string, text: string): Promise<void> {
  const path = join(project, name);
  writeFileSync(path, text);
  if (readsUsing()) return;
  const build = await rolldown({ input: path, external: /^(nacre|node:|\.\/)/, transform: OLDEST });
  await build.write({ file: path, format: "es" });
  await build.close();
}

beforeAll(() => {
  project = realpathSync(mkdtempSync(join(tmpdir(), "nacre-package-")));
  run("npm", ["pack", "--silent", "--pack-destination", project], join(ROOT, "cli"));
  const tarball = readdirSync(project).find((name) => name.endsWith(".tgz"))!;
  writeFileSync(join(project, "package.json"), JSON.stringify({ type: "module", private: true }));
  const quiet = ["--silent", "--no-audit", "--no-fund", "--cache", join(project, ".cache")];
  // No registry, no cache: whatever is not in the tarball is not there.
  run("npm", ["install", "--offline", ...quiet, `./${tarball}`], project);
}, 120_000);
afterAll(() => rmSync(project, { recursive: true, force: true }));

describe("the package", () => {
  it("brings all that it needs and nothing of the machine that packed it", () => {
    expect(readdirSync(join(project, "node_modules")).filter((name) => name[0] !== ".")).toEqual([
      "nacre",
    ]);
    const dist = readdirSync(join(project, "node_modules", "nacre", "dist"));
    expect(dist).toEqual(expect.arrayContaining(["core.wasm", "native", "start.cjs", "types"]));
    expect(dist).not.toContain("node");
    expect(dist).not.toContain("own-node");
    expect(dist.filter((name) => name.endsWith(".code"))).toEqual([]);
    const top = readdirSync(join(project, "node_modules", "nacre"));
    expect(top).toEqual(expect.arrayContaining(["LICENSE", "README.md", "completions", "bin"]));
  });

  it("tells under which licences it has other people's code", () => {
    const dist = join(project, "node_modules", "nacre", "dist");
    const notices = readFileSync(join(dist, "THIRD-PARTY-NOTICES"), "utf8");
    // What the workspaces need is bundled, or has no part in the package.
    const folders = ["core", "engine", "backends/linux", "backends/simulated", "cli"];
    const manifests = [...folders, "plugins/loader", "plugins/registry", "plugins/wasi"].map(
      (folder) => JSON.parse(readFileSync(join(ROOT, folder, "package.json"), "utf8")),
    );
    const needed = manifests
      .flatMap((each) =>
        Object.keys({ ...each.dependencies, ...(each.private ? {} : each.devDependencies) }),
      )
      .filter((name) => !name.startsWith("@nacre/"));
    expect(needed).toEqual(expect.arrayContaining(["rxjs", "undici", "just-bash", "ansi-escapes"]));
    for (const name of needed) expect(notices).toMatch(new RegExp(`^${name} \\d+\\.`, "m"));
    expect(notices).toContain("Permission is hereby granted, free of charge");
    expect(notices).toContain("GNU Lesser General Public License");
  });

  it("starts with npx, again from the code that the first start kept", () => {
    const dist = join(project, "node_modules", "nacre", "dist");
    const start = (options: string) => {
      const more = { NODE_OPTIONS: options, NACRE_NODE: "" };
      expect(run("npx", ["--offline", "nacre", "version"], project, more)).toMatch(/^Nacre \d/);
      return compiledCode(NODE, dist);
    };
    // V8 counts this flag, so that what the first start has kept is of no use to the second.
    const { compiled, refused } = start("--stack-trace-limit=50");
    expect(compiled).not.toEqual([]);
    expect(refused).toEqual(compiled);
    expect(start("")).toEqual({ compiled, refused: [] });
    expect(start("--stack-trace-limit=50")).toEqual({ compiled, refused: [] });
    expect(readdirSync(dist)).toContain("node");
  });

  it("starts with an empty environment", () => {
    const { status, stdout } = spawnSync(join(project, "node_modules/.bin/nacre"), ["version"], {
      env: {},
      encoding: "utf8",
    });
    expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching(/^Nacre \d/) });
  });

  it("can be imported, and keeps its state where it is told", async () => {
    const sample = `
      import { createEngine, NacreError } from "nacre";
      await using engine = await createEngine({ root: process.argv[2], backend: "simulated" });
      const seen = [];
      engine.events.subscribe((event) => seen.push(event.type));
      const failed = await engine.images.pull("not a reference").catch((error) => error);
      console.log(JSON.stringify({
        backend: engine.system.info().backend,
        containers: engine.containers.list({ all: true }).length,
        kind: failed instanceof NacreError && failed.kind,
      }));`;
    await write("sample.js", sample);
    const root = join(project, "root");
    const out = run(NODE, ["--disable-warning=ExperimentalWarning", "sample.js", root], project);
    expect(JSON.parse(out)).toEqual({ backend: "simulated", containers: 0, kind: "invalid" });
    expect(readdirSync(root)).toContain("state.db");
  });

  it("runs the tests that docs/TESTING.md shows, and simulates", async () => {
    const guide = readFileSync(join(ROOT, "docs", "TESTING.md"), "utf8");
    const examples = [...guide.matchAll(/^```ts\n\/\/ (\S+)\n(.*?)^```/gms)];
    expect(examples.map(([, name]) => name)).toEqual(
      expect.arrayContaining(["backup.ts", "backup.test.ts", "shell.test.ts", "faults.test.ts"]),
    );
    for (const [, name = "", text = ""] of examples) await write(name, text);
    const tests = examples.map(([, name = ""]) => name).filter((name) => name.includes(".test."));
    const quiet = ["--disable-warning=ExperimentalWarning", "--test-reporter=tap"];
    const out = run(NODE, [...quiet, "--test", ...tests], project, { NODE_OPTIONS: "" });
    expect(out).toMatch(/^# pass 4$/m);
    expect(out).toMatch(/^# fail 0$/m);
  });

  it("is typed for an empty project: strict, no skipLibCheck, no other types", () => {
    mkdirSync(join(project, "source"), { recursive: true });
    const sample = `
      import { createEngine, type ContainerRecord, type EngineEvent, NacreError } from "nacre";
      import { defineProgram, simulate, type RunResult, tools } from "nacre/simulated";
      const greeter = defineProgram(async ({ arguments: [, who = "you"], stdout }) => {
        await stdout.write(who);
      });
      export async function simulated(): Promise<RunResult> {
        await using simulation = await simulate({
          images: { app: { files: { ...tools, "/bin/greeter": greeter } } },
          time: "automatic",
        });
        // @ts-expect-error a command is a list
        await simulation.run("app", "greeter");
        return simulation.run("app", ["greeter", "me"]);
      }
      export async function start(): Promise<string[]> {
        await using engine = await createEngine({ root: "/tmp/x" });
        const watching = engine.events.subscribe((event: EngineEvent) => event.type satisfies string);
        watching.unsubscribe();
        for await (const line of engine.containers.logs("web", { tail: 1 })) line.text.length;
        const records: ContainerRecord[] = engine.containers.list();
        try {
          await engine.images.pull("debian", { platform: "linux/arm64" });
        } catch (error) {
          if (error instanceof NacreError && error.kind === "not-found") return [error.message];
        }
        // @ts-expect-error a name is text
        await engine.containers.stop(7);
        return records.map(({ name }) => name);
      }`;
    writeFileSync(join(project, "source", "sample.ts"), sample);
    const compilerOptions = {
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      module: "nodenext",
      target: "esnext",
      types: [],
      noEmit: true,
    };
    const config = { compilerOptions, include: ["source"] };
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify(config));
    expect(run(join(ROOT, "node_modules/.bin/tsc"), ["-p", "."], project)).toBe("");
  });

  it("builds nacre-init again where the one it brings is for another processor", () => {
    const dist = join(project, "node_modules", "nacre", "dist");
    for (const name of readdirSync(dist)) {
      if (name.startsWith("nacre-init-")) rmSync(join(dist, name));
    }
    const out = run("npx", ["--offline", "nacre", "--root", join(project, "other"), "ps"], project);
    expect(out).toContain("CONTAINER ID");
    expect(readdirSync(dist).some((name) => name.startsWith("nacre-init-"))).toBe(true);
  }, 300_000); // a compiler's work, beside whatever else the machine does
});

describe("docs/PLUGINS.md", () => {
  const steps = stepsOf("PLUGINS.md");
  let directory: string;
  beforeAll(() => {
    // A directory below the project: its packages are found as Node finds them.
    directory = join(project, "lab");
    mkdirSync(directory);
    symlinkSync(join(ROOT, "node_modules/vitest"), join(project, "node_modules/vitest"));
    symlinkSync(
      join(ROOT, "node_modules/vitest/vitest.mjs"),
      join(project, "node_modules/.bin/vitest"),
    );
  });

  it("leads from an empty directory to a plugin that works", () => {
    expect(steps.map(({ kind }) => kind)).toContain("command");
    for (const step of steps) {
      if (step.kind === "file") {
        writeFileSync(join(directory, step.name), step.content);
        continue;
      }
      const more = { NACRE_ROOT: join(project, "state"), NO_COLOR: "1", FORCE_COLOR: "0" };
      expect(run("sh", ["-c", step.line], directory, more), step.line).toMatch(shown(step.output));
    }
  }, 120_000);

  it("shows code that the types agree with", () => {
    const compilerOptions = {
      strict: true,
      allowJs: true,
      checkJs: true,
      skipLibCheck: false,
      module: "nodenext",
      target: "esnext",
      types: [],
      noEmit: true,
    };
    const config = { compilerOptions, files: ["plugin.js", "lab-network.js"] };
    writeFileSync(join(directory, "tsconfig.json"), JSON.stringify(config));
    expect(run(join(ROOT, "node_modules/.bin/tsc"), ["-p", "."], directory)).toBe("");
  });
});
