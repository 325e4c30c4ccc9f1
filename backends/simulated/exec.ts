// execve(2): from a name to the program that takes a process's place.

import { afterExecute, MAY_EXECUTE, permitted } from "./credentials.ts";
import { errnoOf, fail } from "./errno.ts";
import type { Machine } from "./machine.ts";
import { nameFrom, type Path } from "./mount.ts";
import { lookup } from "./path-lookup.ts";
import type { Process } from "./process.ts";
import type { SimulatedProgram } from "./program.ts";
import { IGNORE } from "./signals.ts";

export type ProgramRegistry = ReadonlyMap<string, SimulatedProgram>;

const MOST_INTERPRETERS = 4;
/** What a file says that is a program of the registry, whatever it is called. */
const MARK = /^\u007fELF simulated (.+)\n/;
const decoder = new TextDecoder();

export interface Image {
  readonly program: SimulatedProgram;
  readonly path: Path;
  readonly arguments: readonly string[];
}

const baseName = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

function requireExecutable(process: Process, path: Path): void {
  const { inode } = path.dentry;
  if (inode.kind !== "file") fail("EACCES");
  if (path.mount.attributes.has("noexec")) fail("EACCES");
  if (!permitted(process.credentials, inode, MAY_EXECUTE)) fail("EACCES");
}

/** What to write into a file for it to be `program`. */
export const programFile = (program: string): string => `\u007fELF simulated ${program}\n`;

/**
 * The program that a file stands for: the registry knows it by what the file says, its whole name,
 * its last name, or the name of a link to it. ENOENT, EACCES, and ENOEXEC for a file that nothing
 * explains.
 */
function load(
  machine: Machine,
  process: Process,
  name: string,
  words: readonly string[],
  depth = 0,
): Image {
  const path = lookup(process, name);
  requireExecutable(process, path);
  const head = decoder.decode(path.dentry.inode.read(0, 256));
  if (head.startsWith("#!")) {
    if (depth >= MOST_INTERPRETERS) fail("ELOOP");
    const line = head.slice(2).split("\n", 1)[0]!.trim();
    const [interpreter = "", argument] = line.split(/\s+(.*)/, 2);
    if (interpreter === "") fail("ENOEXEC");
    const next = [interpreter, ...(argument ? [argument] : []), name, ...words.slice(1)];
    return load(machine, process, interpreter, next, depth + 1);
  }
  const { programs } = machine;
  const marked = MARK.exec(head)?.[1];
  const full = nameFrom(process.root, path) ?? name;
  const program = [marked, full, baseName(full), baseName(name)]
    .map((known) => (known === undefined ? undefined : programs.get(known)))
    .find((found) => found !== undefined);
  if (!program) fail("ENOEXEC");
  return { program, path, arguments: words };
}

/** As execvp(3), with the PATH of the new environment. */
export function findImage(
  machine: Machine,
  process: Process,
  words: readonly string[],
  environment: readonly string[],
): Image {
  const name = words[0] ?? fail("EINVAL", "no command");
  const attempt = (path: string): Image => load(machine, process, path, words);
  if (name.includes("/") || name === "") return attempt(name);
  const path = environment.find((entry) => entry.startsWith("PATH="));
  let denied = false;
  for (const directory of path?.slice("PATH=".length).split(":") ?? []) {
    try {
      return attempt(`${directory || "."}/${name}`);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === "EACCES") denied = true;
      else if (errno !== "ENOENT" && errno !== "ENOTDIR") throw error;
    }
  }
  return fail(denied ? "EACCES" : "ENOENT");
}

/** With another arguments[0] than the name of its file. */
export function named(image: Image, name: string | undefined): Image {
  return name === undefined ? image : { ...image, arguments: [name, ...image.arguments.slice(1)] };
}

/**
 * Whether set-user-ID and set-group-ID bits of a file count: not with no_new_privs, on a nosuid
 * mount, on one of another mount namespace or of a stranger's user namespace, nor for an owner that
 * the process's own does not know (bprm_fill_uid of fs/exec.c).
 */
function maySetIds({ credentials, namespaces }: Process, { mount, dentry }: Path): boolean {
  const { user, noNewPrivileges } = credentials;
  if (noNewPrivileges || mount.attributes.has("nosuid")) return false;
  if (mount.tree !== namespaces.mnt.tree) return false;
  if (!(mount.superblock.userNamespace?.contains(user) ?? true)) return false;
  const { uid, gid } = dentry.inode;
  return user.uids.inside(uid) !== undefined && user.gids.inside(gid) !== undefined;
}

/** The process becomes what was found. */
export function become(process: Process, image: Image, environment: readonly string[]): void {
  const { inode } = image.path.dentry;
  const gains = maySetIds(process, image.path);
  const setsUser = gains && (inode.mode & 0o4000) !== 0;
  const setsGroup = gains && (inode.mode & 0o2010) === 0o2010;
  process.credentials = afterExecute(
    process.credentials,
    setsUser ? inode.uid : undefined,
    setsGroup ? inode.gid : undefined,
  );
  process.executable = image.path;
  process.arguments = image.arguments;
  process.environment = environment;
  process.command = baseName(image.arguments[0] ?? "");
  for (const [signal, handler] of process.handlers) {
    if (handler !== IGNORE) process.handlers.delete(signal);
  }
}
