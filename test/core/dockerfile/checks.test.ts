import { checksOf, parseCheckSettings } from "@nacre/core/dockerfile/checks.ts";
import { parseDockerfile } from "@nacre/core/dockerfile/parse.ts";
import { describe, expect, it } from "vitest";

function found(text: string): string[] {
  const dockerfile = parseDockerfile({ name: "Dockerfile", text });
  const settings = parseCheckSettings(dockerfile.directives.check);
  return checksOf(dockerfile, settings).map(({ rule, line }) => `${line} ${rule}`);
}

describe("what is probably a mistake", () => {
  it.each<[string, string, string[]]>([
    ["nothing", 'FROM a AS b\nARG X\nCMD ["x"]\nWORKDIR /a\nWORKDIR b\nEXPOSE 80/tcp', []],
    ["a shell's command", "FROM a\nCMD echo x", ["2 JSONArgsRecommended"]],
    ["one whose shell was chosen", 'FROM a\nSHELL ["bash", "-c"]\nENTRYPOINT x', []],
    ["names of stages", "FROM a AS B\nFROM a AS b", ["1 StageNameCasing", "2 DuplicateStageName"]],
    ["a name that is taken", "FROM a AS scratch", ["1 ReservedStageName"]],
    ["as beside FROM", "FROM a as b", ["1 FromAsCasing"]],
    ["mixed cases", "FROM a\nRun x\nRUN y", ["2 ConsistentInstructionCasing"]],
    ["an empty continuation", "FROM a\nRUN x \\\n\n  y", ["3 NoEmptyContinuation"]],
    ["a base's variable", "ARG A\nFROM $A\nFROM $B", ["3 UndefinedArgInFrom"]],
    [
      "platforms",
      "FROM --platform=$TARGETPLATFORM a\nFROM --platform=linux/arm64 a",
      ["1 RedundantTargetPlatform", "2 FromPlatformFlagConstDisallowed"],
    ],
    [
      "one that follows another",
      'FROM a\nCMD ["a"]\nCMD ["b"]',
      ["2 MultipleInstructionsDisallowed"],
    ],
    ["a directory of the base", "FROM a\nWORKDIR b", ["2 WorkdirRelativePath"]],
    ["the older form", "FROM a\nENV A b c", ["2 LegacyKeyValueFormat"]],
    [
      "secrets",
      "FROM a\nARG NPM_TOKEN\nENV PUBLIC_KEY=a TOKEN_FILE=b",
      ["2 SecretsUsedInArgOrEnv"],
    ],
    [
      "ports",
      "FROM a\nEXPOSE 80/TCP 127.0.0.1:80:80",
      ["2 ExposeProtoCasing", "2 ExposeInvalidFormat"],
    ],
    ["who made it", "FROM a\nMAINTAINER x", ["2 MaintainerDeprecated"]],
  ])("finds %s", (_, text, rules) => {
    expect(found(text)).toEqual(rules);
  });

  it("skips what a directive names, or all", () => {
    const text = "FROM a as b\nCMD x";
    expect(found(`# check=skip=FromAsCasing\n${text}`)).toEqual(["3 JSONArgsRecommended"]);
    expect(found(`# check=skip=all;error=true\n${text}`)).toEqual([]);
    expect(parseCheckSettings("error=true; skip=A, B")).toEqual({ error: true, skip: ["A", "B"] });
    expect(() => parseCheckSettings("skip")).toThrow("check");
  });
});
