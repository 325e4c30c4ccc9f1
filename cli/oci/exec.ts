// `exec`: a process more in a container, described by a file or by words.

import { NacreError } from "@nacre/core/error.ts";
import { Field, LARGEST_ID, parseJson } from "@nacre/core/oci/config-field.ts";
import { readProcess, refuseExecAffinity } from "@nacre/core/oci/config-process.ts";
import type { SpecCapabilities, SpecProcess } from "@nacre/core/oci/runtime-spec.ts";
import { flag, list, text, type Values, value } from "../options.ts";
import { type OciContext, ociCommand } from "./command.ts";
import { absolute, ended, ownStreams, writePid } from "./create.ts";

const number = (what: string) => (word: string) => {
  if (/^\d{1,10}$/.test(word) && Number(word) <= LARGEST_ID) return Number(word);
  throw new NacreError("invalid", `--${what} must be a number, not ${JSON.stringify(word)}`);
};

const OPTIONS = {
  process: text(["process", "p"], "FILE", "The process, as JSON: what config.json has as process"),
  tty: flag(["tty", "t"], "Give it a terminal"),
  consoleSocket: text(["console-socket"], "PATH", "A socket that gets the terminal's master"),
  detach: flag(["detach", "d"], "Do not wait for its end"),
  pidFile: text(["pid-file"], "FILE", "Where the process ID is written"),
  preserveFds: value(["preserve-fds"], "N", "Pass N more descriptors on", number("preserve-fds")),
  cwd: text(["cwd"], "DIR", "Its working directory"),
  env: list(["env", "e"], "NAME=VALUE", "A variable more", (word) => word),
  user: text(["user", "u"], "UID[:GID]", "Its user and group"),
  groups: list(["additional-gids", "g"], "GID", "A group more", number("additional-gids")),
  cap: list(["cap", "c"], "NAME", "A capability more", (word) => word),
  noNewPrivs: flag(["no-new-privs"], "It gains no privileges"),
  apparmor: text(["apparmor"], "NAME", "Its AppArmor profile"),
  label: text(["process-label"], "LABEL", "Its SELinux label"),
  cgroup: list(["cgroup"], "[NAME:]PATH", "A node below the container's own", (word) => word),
  ignorePaused: flag(["ignore-paused"], "Also where the container is paused"),
  noSubreaper: flag(["no-subreaper"], "Taken, and of no use: there is no subreaper"),
};

type Options = Values<typeof OPTIONS>;

function withCapabilities(own: SpecCapabilities, added: readonly string[]): SpecCapabilities {
  if (added.length === 0) return own;
  const more = (names: readonly string[]) => [...new Set([...names, ...added])];
  return {
    bounding: more(own.bounding),
    effective: more(own.effective),
    permitted: more(own.permitted),
    inheritable: more(own.inheritable),
    ambient: more(own.ambient),
  };
}

function withUser(own: SpecProcess["user"], { user, groups }: Options): SpecProcess["user"] {
  const additionalGids = groups.length > 0 ? groups : own.additionalGids;
  if (user === undefined) return { ...own, additionalGids };
  const [, uid, , gid = "0"] = /^(\d{1,10})(:(\d{1,10}))?$/.exec(user) ?? [];
  if (uid === undefined || Math.max(Number(uid), Number(gid)) > LARGEST_ID) {
    throw new NacreError("invalid", `--user must be UID or UID:GID, not ${user}`);
  }
  return { ...own, uid: Number(uid), gid: Number(gid), additionalGids };
}

/** The container's own process, with what the words say. */
function described(own: SpecProcess, options: Options, args: readonly string[]): SpecProcess {
  const { tty, cwd, env, apparmor, label, noNewPrivs, cap } = options;
  const { oomScoreAdj, consoleSize, ...rest } = own;
  const names = new Set(env.map((entry) => entry.split("=", 1)[0]));
  return {
    ...rest,
    ...(oomScoreAdj !== undefined && { oomScoreAdj }),
    ...(tty && consoleSize && { consoleSize }),
    terminal: tty,
    args,
    cwd: cwd ?? own.cwd,
    env: [...own.env.filter((entry) => !names.has(entry.split("=", 1)[0])), ...env],
    user: withUser(own.user, options),
    capabilities: withCapabilities(own.capabilities, cap),
    noNewPrivileges: noNewPrivs || own.noNewPrivileges,
    ...(apparmor !== undefined && { apparmorProfile: apparmor }),
    ...(label !== undefined && { selinuxLabel: label }),
  };
}

function processFor(
  context: OciContext,
  options: Options,
  operands: readonly string[],
): SpecProcess {
  const { host, runtime } = context;
  const [id, ...args] = operands;
  const spec = runtime.specOf(id as string);
  if (options.process !== undefined) {
    const path = absolute(host, options.process);
    const field = new Field(parseJson(host.readText(path), path), "", path);
    const read = readProcess(field, false, runtime.warn);
    refuseExecAffinity(field);
    return runtime.fitted(options.tty ? { ...read, terminal: true } : read, spec);
  }
  if (args.length === 0) throw new NacreError("invalid", "exec needs a command, or --process FILE");
  const { process } = spec;
  if (!process) throw new NacreError("invalid", "the container has no process to take after");
  return runtime.fitted(described(process, options, args), spec);
}

export const exec = ociCommand({
  usage: "ID COMMAND [ARGUMENT...]",
  summary: "Run a process more in a container",
  options: OPTIONS,
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  interspersed: false,
  failure: 255,
  async run(context, options, operands) {
    const { host, runtime } = context;
    const { consoleSocket, detach, cgroup, ignorePaused, preserveFds = 0 } = options;
    const running = await runtime.exec({
      id: operands[0] as string,
      process: processFor(context, options, operands),
      detached: detach,
      ...(consoleSocket !== undefined && { consoleSocket: absolute(host, consoleSocket) }),
      streams: ownStreams(host, preserveFds),
      cgroups: cgroup,
      ignorePaused,
    });
    try {
      writePid(host, options.pidFile, running);
    } catch (error) {
      runtime.abandon(running);
      throw error;
    }
    return detach ? 0 : ended(host, running);
  },
});
