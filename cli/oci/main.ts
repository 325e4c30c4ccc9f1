// `nacre oci`, installed also as `nacre-runtime`: an OCI runtime's command line, as runc and crun
// have it (there is no standard beside them), for podman, containerd and docker.

import { NacreError } from "@nacre/core/error.ts";
import { isRootless } from "../default-root.ts";
import { FlagError } from "../flag-error.ts";
import { choice, flag, type OptionTable, parseWords, text, type Values } from "../options.ts";
import { VERSION } from "../version.ts";
import type { OciCommand, OciContext } from "./command.ts";
import { ociCommandNamed, ociCommands } from "./commands.ts";
import type { OciHost } from "./host.ts";
import { Log } from "./log.ts";

const NAME = "nacre-runtime";
const DEFAULT_ROOT = "/run/nacre-oci";

/** Who is not root has a directory of its own for such things, where there is a session. */
function defaultRoot(environment: OciHost["environment"]): string {
  const { XDG_RUNTIME_DIR: own } = environment;
  return own?.startsWith("/") && isRootless(environment) ? `${own}/nacre-oci` : DEFAULT_ROOT;
}

/** Options of the runtime itself; what has no use here is taken all the same. */
const GLOBAL = {
  root: text(
    ["root"],
    "DIR",
    `Directory of the containers' state (default ${DEFAULT_ROOT}, for others than root below XDG_RUNTIME_DIR)`,
  ),
  log: text(["log"], "FILE", "Where errors and warnings are written, beside standard error"),
  logFormat: choice(["log-format"], ["text", "json"], "How they are written there"),
  logLevel: text(["log-level"], "LEVEL", "debug, info, warning or error"),
  debug: flag(["debug"], "Say more"),
  systemdCgroup: flag(["systemd-cgroup"], "linux.cgroupsPath is SLICE:PREFIX:NAME"),
  cgroupManager: text(["cgroup-manager"], "NAME", "cgroupfs, systemd or disabled, as crun has it"),
  rootless: text(["rootless"], "BOOL", "Taken, and of no use: what is possible is tried"),
  criu: text(["criu"], "PATH", "Taken, and of no use: there are no checkpoints"),
  version: flag(["version", "v"], "Show the version"),
} satisfies OptionTable;

type Globals = Values<typeof GLOBAL>;

/** Makes the runtime; in tests another one. */
export type MakeRuntime = (options: {
  readonly root: string;
  readonly systemdCgroup: boolean;
  readonly warn: (message: string) => void;
}) => Promise<OciContext["runtime"]>;

/** Runs `words`, without the runtime's own name; never throws. */
export async function ociMain(
  words: readonly string[],
  host: OciHost,
  make: MakeRuntime,
): Promise<number> {
  let log = new Log(host, NAME, undefined, "text");
  let failure = 1;
  try {
    const { values, operands, help } = parseWords(GLOBAL, words, false);
    log = new Log(host, NAME, values.log, values.logFormat === "json" ? "json" : "text");
    if (values.version) return printVersion(host);
    const [name, ...rest] = operands;
    if (help || name === undefined || name === "help") return await printHelp(host, rest[0]);
    const command = ociCommandNamed(name);
    if (!command) throw new FlagError(`unknown command: ${name}`);
    failure = command.failure;
    return await perform(name, command, rest, values, { host, log, make });
  } catch (error) {
    log.error(error);
    return failure;
  }
}

async function perform(
  name: string,
  command: OciCommand,
  words: readonly string[],
  globals: Globals,
  { host, log, make }: { host: OciHost; log: Log; make: MakeRuntime },
): Promise<number> {
  const { values, operands, help } = parseWords(command.options, words, command.interspersed);
  if (help) return printHelp(host, name);
  const { least, most } = command.operands;
  if (operands.length < least || operands.length > most) {
    const usage = `${NAME} ${name} ${command.usage}`;
    throw new NacreError("invalid", `"${name}" is not called so: ${usage}`);
  }
  const { root: given = defaultRoot(host.environment) } = globals;
  const root = given.startsWith("/") ? given : `${host.workingDirectory}/${given}`;
  const systemdCgroup = globals.systemdCgroup || globals.cgroupManager === "systemd";
  const runtime = await make({ root, systemdCgroup, warn: (message) => log.warning(message) });
  return command.run({ host, runtime, root }, values, operands);
}

function printVersion(host: OciHost): number {
  host.print(`${NAME} version ${VERSION}\nspec: 1.2.0\n`);
  return 0;
}

async function printHelp(host: OciHost, name: string | undefined): Promise<number> {
  const { commandHelp, runtimeHelp } = await import("./help.ts");
  const command = name === undefined ? undefined : ociCommandNamed(name);
  if (command) host.print(commandHelp(NAME, name as string, command));
  else host.print(runtimeHelp(NAME, GLOBAL, ociCommands()));
  return 0;
}
