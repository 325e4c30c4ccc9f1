// --security-opt: docker's options, each `name`, `name=value` or `name:value`.

import type { ContainerRequest } from "@nacre/core/program/request.ts";
import { FlagError } from "./flag-error.ts";
import type { Host } from "./host.ts";

type Security = Pick<
  ContainerRequest,
  "noNewPrivileges" | "seccomp" | "apparmor" | "securityLabel" | "systemPaths"
>;

/** The profile in a file, so that the container has it whatever becomes of the file. */
function profileIn(path: string, host: Pick<Host, "readText">): string {
  if (path === "unconfined" || path === "builtin") return path;
  try {
    return host.readText(path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    const why = code === "ENOENT" ? "no such file or directory" : String(code ?? error);
    throw new FlagError(`opening seccomp profile (${path}) failed: open ${path}: ${why}`);
  }
}

/** @throws FlagError */
export function securityOf(
  options: readonly string[],
  host: Pick<Host, "readText">,
): Partial<Security> {
  let made: Security = {};
  for (const option of options) {
    const [, name = "", setting] = /^([^=:]*)(?:[=:](.*))?$/s.exec(option) ?? [];
    if (name === "no-new-privileges" && /^(true|false)?$/.test(setting ?? "")) {
      made = { ...made, noNewPrivileges: setting !== "false" };
    } else if (name === "seccomp" && setting) {
      made = { ...made, seccomp: profileIn(setting, host) };
    } else if (name === "apparmor" && setting) {
      made = { ...made, apparmor: setting };
    } else if (name === "label" && /^(disable|(user|role|type|level):.+)$/.test(setting ?? "")) {
      made = { ...made, securityLabel: [...(made.securityLabel ?? []), setting as string] };
    } else if (name === "systempaths" && setting === "unconfined") {
      made = { ...made, systemPaths: "unconfined" };
    } else throw new FlagError(`invalid --security-opt: ${JSON.stringify(option)}`);
  }
  return made;
}
