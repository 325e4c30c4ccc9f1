// A Dockerfile as it is looked at before it is built: what is probably a mistake in it, its stages,
// and what it wants to be given.

import { checksOf, type Finding, parseCheckSettings } from "@nacre/core/dockerfile/checks.ts";
import type { Source } from "@nacre/core/dockerfile/fault.ts";
import type { Dockerfile } from "@nacre/core/dockerfile/instruction.ts";
import { parseRunMount } from "@nacre/core/dockerfile/run-mount.ts";
import type { BuildGraph } from "@nacre/core/dockerfile/stage-graph.ts";
import { NacreError } from "@nacre/core/error.ts";
import type { DockerfileSurvey } from "../build-interface.ts";

export const findingText = ({ rule, message, line }: Finding): string =>
  `${rule}: ${message} (line ${line})`;

/** What is to be warned of. NacreError `invalid` where the Dockerfile says that it is a fault. */
export function checked({ name }: Source, dockerfile: Dockerfile): Finding[] {
  const settings = parseCheckSettings(dockerfile.directives.check);
  const found = checksOf(dockerfile, settings);
  if (!settings.error || found.length === 0) return found;
  const all = found.map((finding) => `\n  ${findingText(finding)}`).join("");
  throw new NacreError("invalid", `${name} is refused by its own checks:${all}`, {
    advice: "Mend it, or take error=true out of # check=.",
  });
}

/** What a Dockerfile asks for and what is to be said of it, without building anything. */
export function surveyOf(
  source: Source,
  dockerfile: Dockerfile,
  { stages, target, needed }: BuildGraph,
): DockerfileSurvey {
  const settings = parseCheckSettings(dockerfile.directives.check);
  const findings = checksOf(dockerfile, settings);
  const actions = needed.flatMap(({ stage }) => stage.instructions.map(({ action }) => action));
  const declared = [...dockerfile.args, ...actions.filter((action) => action.kind === "ARG")];
  const args = new Map(
    declared.flatMap(({ variables }) => variables.map((one) => [one.name, one] as const)),
  );
  const secrets = actions.flatMap((action) => {
    if (action.kind !== "RUN") return [];
    const mounts = action.mounts.filter((text) => !text.includes("$")).map(parseRunMount);
    return mounts.flatMap(({ type, id, source: from, target: to, env, required }) => {
      if (type !== "secret") return [];
      return [{ id: id ?? from ?? (to ?? env ?? "").split("/").at(-1) ?? "", required }];
    });
  });
  return {
    ...{ source, findings, isRefused: settings.error && findings.length > 0 },
    stages: stages.map(({ stage, label }) => {
      const description = describedAbove(source.text, stage.place.line, label);
      return { name: label, description, isTarget: stage === target.stage };
    }),
    args: [...args.values()],
    secrets: [...new Map(secrets.map((one) => [one.id, one])).values()],
  };
}

/** `# NAME says what it is` right above a FROM, as BuildKit takes it. */
function describedAbove(text: string, line: number, name: string): string {
  const above = text.split("\n")[line - 2] ?? "";
  const [, first = "", rest = ""] = /^#\s*(\S+)\s+(.*?)\s*$/.exec(above) ?? [];
  return first.toLowerCase() === name ? rest : "";
}
