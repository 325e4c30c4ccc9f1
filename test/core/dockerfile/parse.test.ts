// Held to facts: what BuildKit's own parser makes of each of these files.

import { readFileSync } from "node:fs";
import { expand, expandWords } from "@nacre/core/dockerfile/expansion.ts";
import type { Action, Stage } from "@nacre/core/dockerfile/instruction.ts";
import { heredocContent } from "@nacre/core/dockerfile/lines.ts";
import { parseDockerfile } from "@nacre/core/dockerfile/parse.ts";
import { NacreError } from "@nacre/core/error.ts";
import { describe, expect, it } from "vitest";

interface ParseFact {
  readonly name: string;
  readonly dockerfile: string;
  readonly parseError?: string;
  readonly instructionError?: string;
  readonly stages?: readonly {
    readonly as: string;
    readonly from: string;
    readonly platform: string;
    readonly commands: readonly { readonly op: string; readonly fields: object }[];
  }[];
}

interface ShellFact {
  readonly input: string;
  readonly output?: string;
  readonly words?: readonly string[] | null;
  readonly error?: string;
}

const facts: { parse: ParseFact[]; shell: ShellFact[]; shellEnv: string[] } = JSON.parse(
  readFileSync(new URL("../facts/dockerfile.json", import.meta.url), "utf8"),
);

const parse = (text: string) => parseDockerfile({ name: "Dockerfile", text });

function faultOf(text: string): string {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof NacreError && error.kind === "invalid") return error.message;
    throw error;
  }
  return "none";
}

/** `--parents` has left its experiment since the facts were made. */
const ALLOWED_SINCE = new Set(["extra-040", "extra-061"]);

describe("a Dockerfile", () => {
  const good = facts.parse.filter(({ stages }) => stages);
  const bad = facts.parse.filter(({ stages, name }) => !stages && !ALLOWED_SINCE.has(name));

  it.each(good)("says what BuildKit reads in it: $name", ({ dockerfile, stages = [] }) => {
    expect(parse(dockerfile).stages.map(shown)).toEqual(stages.map(expected));
  });

  it.each(bad)("is refused where BuildKit refuses it: $name", (fact) => {
    const fault = faultOf(fact.dockerfile);
    expect(fault).not.toBe("none");
    const line = /on line (\d+)/.exec(fact.instructionError ?? "")?.[1];
    if (line !== undefined) expect(fault).toMatch(new RegExp(`^Dockerfile:${line}:\\d+: `));
  });

  it("is shown with the place of what is wrong in it", () => {
    expect(faultOf("FROM a\nCOPY --chwon=1 a b\n")).toBe(
      "Dockerfile:2:6: unknown flag: --chwon\n  2 | COPY --chwon=1 a b\n           ^",
    );
    expect(faultOf("FROM a\nRUN a \\\n  b\nRNU c")).toContain(
      "Dockerfile:4:1: unknown instruction",
    );
  });

  it("takes --security, which was an experiment then, and says of --device what there is instead", () => {
    const [stage] = parse("FROM a\nRUN --security=insecure x\nRUN --security=sandbox x").stages;
    const [insecure, sandbox] = stage?.instructions ?? [];
    expect(insecure?.action).toMatchObject({ insecure: true });
    expect(sandbox?.action).toMatchObject({ insecure: false });
    expect(faultOf("FROM a\nRUN --security=none x")).toContain("there are sandbox and insecure");
    expect(faultOf("FROM a\nRUN --device=nvidia.com/gpu x")).toContain("no devices by name");
  });

  it("takes --parents, which was an experiment when the facts were made", () => {
    const [stage] = parse("FROM a\nCOPY --parents --exclude=*.md a/b c").stages;
    expect(stage?.instructions[0]?.action).toMatchObject({ parents: true, exclude: ["*.md"] });
  });
});

describe("variables", () => {
  const variables = new Map(
    facts.shellEnv.map((one) => [one.split("=", 1)[0] ?? "", one.slice(one.indexOf("=") + 1)]),
  );
  variables.set("NULL", "");
  const options = { escape: "\\" } as const;

  it.each(facts.shell)(
    "expand as BuildKit expands them: $input",
    ({ input, output, words, error }) => {
      if (error !== undefined) {
        expect(() => expand(input, variables, options)).toThrow(NacreError);
        return;
      }
      expect(expand(input, variables, options)).toBe(output);
      expect(expandWords(input, variables, options)).toEqual(words ?? []);
    },
  );

  it("are cut by patterns, the shortest or the longest", () => {
    const path = new Map([["F", "dir/archive.tar.gz"]]);
    const all = ["F#*/", "F##*.", "F%.*", "F%%.*", "F/ar/AR", "F//a?/_"];
    expect(all.map((one) => expand(`\${${one}}`, path, options))).toEqual([
      ...["archive.tar.gz", "gz", "dir/archive.tar", "dir/archive"],
      ...["dir/ARchive.tar.gz", "dir/_chive.t_.gz"],
    ]);
  });
});

// -- the shape of the facts -----------------------------------------------------------------------

function shown({ name = "", base, platform = "", instructions }: Stage) {
  const commands = instructions.map(({ action }) => fieldsOf(action));
  return { as: name, from: base, platform, commands };
}

function expected({ as, from, platform, commands }: NonNullable<ParseFact["stages"]>[number]) {
  return { as, from, platform, commands: commands.map(({ op, fields }) => cleaned(op, fields)) };
}

/** Fields that say nothing, or that this reader has no use for, are left out on both sides. */
function cleaned(op: string, fields: object): Record<string, unknown> {
  const kept = Object.entries(fields).filter(([name, value]) => {
    const empty = value === null || value === "" || value === false;
    return (
      !empty && !["FlagsUsed", "PrependShell"].includes(name) && JSON.stringify(value) !== "[]"
    );
  });
  const shell = "PrependShell" in fields ? { PrependShell: fields.PrependShell } : {};
  return { op: op.toUpperCase(), ...Object.fromEntries(kept), ...shell };
}

const pairs = (all: readonly { name: string; value: string; spaced: boolean }[]) =>
  all.map(({ name, value, spaced }) => ({ Key: name, NoDelim: spaced, Value: value }));

function fieldsOf(action: Action): Record<string, unknown> {
  switch (action.kind) {
    case "RUN":
    case "CMD":
    case "ENTRYPOINT": {
      const { words, shell } = action.command;
      const heredocs = action.kind === "RUN" ? action.heredocs : [];
      const Files = heredocs.map((one) => {
        return { Chomp: one.chomp, Data: one.content, Name: one.name };
      });
      return cleaned(action.kind, { CmdLine: words, Files, PrependShell: shell });
    }
    case "COPY":
    case "ADD":
      return cleaned(action.kind, {
        ...(action.kind === "COPY" && { From: action.from ?? "" }),
        ...(action.kind === "ADD" && { Checksum: action.checksum ?? "" }),
        ...{ Chmod: action.chmod ?? "", Chown: action.chown ?? "", DestPath: action.target },
        ...{ Link: action.link, Parents: action.parents, SourcePaths: action.sources },
        SourceContents: action.heredocs.map((one) => {
          return { Data: heredocContent(one), Expand: one.expand, Path: one.name };
        }),
      });
    case "ENV":
      return { op: "ENV", Env: pairs(action.variables) };
    case "LABEL":
      return { op: "LABEL", Labels: pairs(action.labels) };
    case "ARG":
      return { op: "ARG" };
    case "HEALTHCHECK":
      return { op: "HEALTHCHECK", Health: action.check };
    case "EXPOSE":
      // The facts have them sorted.
      return { op: "EXPOSE", Ports: [...action.ports].sort() };
    case "VOLUME":
      return { op: "VOLUME", Volumes: action.paths };
    case "WORKDIR":
      return { op: "WORKDIR", Path: action.path };
    case "USER":
      return { op: "USER", User: action.user };
    case "STOPSIGNAL":
      return { op: "STOPSIGNAL", Signal: action.signal };
    case "SHELL":
      return { op: "SHELL", Shell: action.words };
    case "MAINTAINER":
      return { op: "MAINTAINER", Maintainer: action.name };
    case "ONBUILD":
      return { op: "ONBUILD", Expression: action.trigger };
  }
}
