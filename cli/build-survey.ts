// `nacre build --check` and `--call`: what a Dockerfile says, without building it.

import type { DockerfileSurvey } from "@nacre/engine/engine.ts";
import type { Host } from "./host.ts";
import { neutralise } from "./text/escape.ts";
import { formatTable } from "./text/table.ts";

export type Call = "build" | "check" | "outline" | "targets";

const AROUND = 2;

/** The exit code: 1 where there is a finding. */
export function toldOf(call: Exclude<Call, "build">, survey: DockerfileSurvey, host: Host): number {
  if (call === "targets") host.print(targetsOf(survey));
  else if (call === "outline") host.print(outlineOf(survey));
  else return findingsOf(survey, host);
  return 0;
}

function findingsOf({ source, findings }: DockerfileSurvey, host: Host): number {
  if (findings.length === 0) {
    host.print("Check complete, no warnings found.\n");
    return 0;
  }
  const count = findings.length === 1 ? "1 warning has" : `${findings.length} warnings have`;
  host.print(`Check complete, ${count} been found!\n`);
  for (const { rule, message, line } of findings) {
    const where = `${neutralise(source.name)}:${line}`;
    const shown = excerpt(source.text, line);
    host.print(`\nWARNING: ${rule}\n${neutralise(message)}\n${where}\n${shown}`);
  }
  return 1;
}

function excerpt(text: string, line: number): string {
  const lines = text.replace(/\n$/, "").split("\n");
  const first = Math.max(1, line - AROUND);
  const shown = lines.slice(first - 1, line + AROUND).map((one, n) => {
    const mark = first + n === line ? ">>>" : "   ";
    return `${String(first + n).padStart(4)} | ${mark} ${neutralise(one)}`.trimEnd();
  });
  const rule = "-".repeat(20);
  return `${[rule, ...shown, rule].join("\n")}\n`;
}

function targetsOf({ stages }: DockerfileSurvey): string {
  const rows = stages.map(({ name, description, isTarget }) => {
    return [isTarget ? `${name} (default)` : name, neutralise(description)];
  });
  return formatTable([["TARGET", "DESCRIPTION"], ...rows]);
}

function outlineOf({ stages, args, secrets }: DockerfileSurvey): string {
  const target = stages.find(({ isTarget }) => isTarget)?.name ?? "";
  const parts = [`TARGET: ${target}\n`];
  if (args.length > 0) {
    const rows = args.map(({ name, value = "" }) => [name, neutralise(value)]);
    parts.push(formatTable([["BUILD ARG", "VALUE"], ...rows]));
  }
  if (secrets.length > 0) {
    const rows = secrets.map(({ id, required }) => [neutralise(id), String(required)]);
    parts.push(formatTable([["SECRET", "REQUIRED"], ...rows]));
  }
  return parts.join("\n");
}
