// `create`, and `run`, which is create, start, and what follows in one command.

import { NacreError } from "@nacre/core/error.ts";
import type { ProcessStreams, RunningProgram } from "@nacre/core/ports/kernel.ts";
import { flag, text, type Values, value } from "../options.ts";
import { FORWARDED } from "../signal-listeners.ts";
import { type OciContext, ociCommand } from "./command.ts";
import type { OciHost } from "./host.ts";

const wholeNumber = (word: string): number => {
  if (/^\d{1,3}$/.test(word)) return Number(word);
  throw new NacreError("invalid", `--preserve-fds must be a number from 0 to 999, not ${word}`);
};

const OPTIONS = {
  bundle: text(["bundle", "b"], "DIR", "The bundle (default: the current directory)"),
  config: text(["config", "f"], "FILE", "A configuration in place of the bundle's config.json"),
  consoleSocket: text(["console-socket"], "PATH", "A socket that gets the terminal's master"),
  pidFile: text(["pid-file"], "FILE", "Where the process ID is written"),
  preserveFds: value(["preserve-fds"], "N", "Pass N more descriptors on, from 3", wholeNumber),
  noPivot: flag(["no-pivot"], "Taken, and of no use: the root is always pivoted into"),
  noNewKeyring: flag(["no-new-keyring"], "It has the session keyring of who creates it"),
  noSubreaper: flag(["no-subreaper"], "Taken, and of no use: there is no subreaper"),
};

type Options = Values<typeof OPTIONS>;

/** From where the runtime was called; dots stay. */
export function absolute(host: OciHost, path: string): string {
  return path.startsWith("/") ? path : `${host.workingDirectory}/${path}`;
}

/** Ours, and as many more as are asked for or handed over by socket activation. */
export function ownStreams(host: OciHost, preserved: number): ProcessStreams {
  const listen = Number(host.environment.LISTEN_FDS ?? 0) || 0;
  const more = Array.from({ length: preserved + listen }, (_, i) => 3 + i);
  const missing = more.find((descriptor) => !host.isGiven(descriptor));
  if (missing !== undefined) {
    throw new NacreError("invalid", `descriptor ${missing} is not open: it cannot be passed on`);
  }
  return { stdin: 0, stdout: 1, stderr: 2, more };
}

/** In one step, without a line feed, as runc writes it; nothing where no file was asked for. */
export function writePid(host: OciHost, path: string | undefined, running: RunningProgram): void {
  if (path !== undefined) host.replaceFile(absolute(host, path), String(running.process.pid));
}

function bundleOf(host: OciHost, { bundle = "." }: Options): string {
  try {
    return host.realPath(absolute(host, bundle));
  } catch (error) {
    throw new NacreError(
      "not-found",
      `the bundle ${bundle} is no directory: ${(error as Error).message}`,
    );
  }
}

async function made(
  { host, runtime }: OciContext,
  id: string,
  options: Options,
  detached: boolean,
) {
  const { consoleSocket, config, preserveFds = 0, noNewKeyring } = options;
  const running = await runtime.create({
    id,
    bundle: bundleOf(host, options),
    ...(config !== undefined && { configPath: absolute(host, config) }),
    ...(consoleSocket !== undefined && { consoleSocket: absolute(host, consoleSocket) }),
    detached,
    ...(noNewKeyring && { keepsKeyring: true }),
    streams: ownStreams(host, preserveFds),
  });
  try {
    writePid(host, options.pidFile, running);
  } catch (error) {
    await runtime.delete(id, true);
    throw error;
  }
  return running;
}

export const create = ociCommand({
  usage: "ID",
  summary: "Make a container of a bundle; its process waits for start",
  options: OPTIONS,
  async run(context, options, [id]) {
    await made(context, id as string, options, true);
    return 0;
  },
});

/** Waits for the end of what runs in the foreground, once it is begun; signals are its own. */
export async function ended(
  host: OciHost,
  running: RunningProgram,
  begin: () => Promise<void> = async () => {},
): Promise<number> {
  const release = host.onSignals(FORWARDED, (number) => running.signal(number));
  try {
    await begin();
    return (await running.exited).code;
  } finally {
    release();
  }
}

export const run = ociCommand({
  usage: "ID",
  summary: "Make a container, start it, and delete it at its end",
  options: {
    ...OPTIONS,
    detach: flag(["detach", "d"], "Do not wait for its end"),
    keep: flag(["keep"], "Do not delete it at its end"),
  },
  async run(context, options, [id]) {
    const { host, runtime } = context;
    const name = id as string;
    const running = await made(context, name, options, options.detach);
    const begin = async () => {
      try {
        await runtime.start(name);
      } catch (error) {
        await runtime.delete(name, true);
        throw error;
      }
    };
    if (options.detach) {
      await begin();
      return 0;
    }
    const code = await ended(host, running, begin);
    if (!options.keep) await runtime.delete(name, true);
    return code;
  },
});
