// HOME of a process that was given none: as the accounts of its root have it, and `/` for who has no
// account. The specification says nothing of it; runc and crun do so, and programs rely on it.

import { NacreError } from "@nacre/core/error.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import { resolveUser } from "@nacre/core/program/user.ts";

const PASSWD = new TextEncoder().encode("etc/passwd");
const LIMIT_BYTES = 1 << 20;

/** Links lead on inside of the root, and what is no file is not opened. */
async function accountsIn(files: Files, root: string): Promise<string> {
  const found = files.find(root, PASSWD, true);
  const reader = found && (await files.openBeneath(root, found.path));
  if (!reader) return "";
  try {
    return new TextDecoder().decode(await reader.read(0, LIMIT_BYTES));
  } finally {
    await reader.close();
  }
}

async function homeOf(files: Files, root: string, uid: number): Promise<string> {
  try {
    return resolveUser(String(uid), await accountsIn(files, root), "").home;
  } catch (error) {
    if (error instanceof NacreError) return "/";
    throw error;
  }
}

/** The environment with a HOME. */
export async function withHome(
  files: Files,
  root: string,
  uid: number,
  env: readonly string[],
): Promise<readonly string[]> {
  if (env.some((entry) => entry.startsWith("HOME="))) return env;
  return [...env, `HOME=${await homeOf(files, root, uid)}`];
}
