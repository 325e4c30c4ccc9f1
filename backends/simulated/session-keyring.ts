// Session keyrings: what a process and its children keep keys in (keyrings(7)). One is found by its
// name in its user namespace, and there as long as a process has it. Keys themselves there are none.
// Source: Linux, security/keys/process_keys.c and keyring.c.

import type { Operation } from "@nacre/core/program/operation.ts";
import { capable } from "./credentials.ts";
import { fail } from "./errno.ts";
import type { Execution } from "./execution.ts";
import type { Machine } from "./machine.ts";

import type { Process } from "./process.ts";
import type { UserNamespace } from "./user-namespace.ts";

export interface SessionKeyring {
  readonly serial: number;
  readonly name: string;
  readonly namespace: UserNamespace;
  /** Of the machine's users. */
  readonly uid: number;
  readonly gid: number;
  permissions: number;
}

/** What the kernel gives a new one (join_session_keyring). */
const NEW = 0x3f130000;
/** include/linux/key.h: of who has it, of its owner. */
const [POSSESSOR_VIEW, OWNER_VIEW, OWNER_SEARCH] = [0x01000000, 0x00010000, 0x00080000];

const owns = ({ credentials }: Process, keyring: SessionKeyring): boolean =>
  credentials.fsUid === keyring.uid;

/** Each once, the one with the lowest number first. */
function keyringsOf(machine: Machine): SessionKeyring[] {
  const had = [...machine.processes.all()].flatMap(({ alive, keyring }) =>
    alive && keyring ? [keyring] : [],
  );
  return [...new Set(had)].sort((a, b) => a.serial - b.serial);
}

export function joinSessionKeyring(
  { machine, process }: Execution,
  { name, permissions }: Extract<Operation, { op: "joinSessionKeyring" }>,
): void {
  if (name === "") fail("EINVAL", "keyctl join session keyring");
  if (name.startsWith(".")) fail("EPERM", "keyctl join session keyring");
  const namespace = process.credentials.user;
  const all = keyringsOf(machine);
  const found = all.find((one) => {
    const may = owns(process, one) && (one.permissions & OWNER_SEARCH) !== 0;
    return one.name === name && one.namespace === namespace && may;
  });
  const { uid, gid } = process.credentials;
  const serial = 1 + Math.max(0, ...all.map((one) => one.serial));
  const keyring = found ?? { serial, name, namespace, uid, gid, permissions: NEW };
  process.keyring = keyring;
  if (!owns(process, keyring) && !capable(process.credentials, "CAP_SYS_ADMIN")) {
    fail("EACCES", "keyctl setperm");
  }
  keyring.permissions = permissions;
}

/** /proc/keys: those that who reads may view. */
export function keysText(machine: Machine): string {
  const reader = machine.current;
  const seen = keyringsOf(machine).filter((one) => {
    if (one.namespace !== reader.credentials.user) return false;
    const possessed = reader.keyring === one && (one.permissions & POSSESSOR_VIEW) !== 0;
    return possessed || (owns(reader, one) && (one.permissions & OWNER_VIEW) !== 0);
  });
  const { uids, gids } = reader.credentials.user;
  const lines = seen.map(({ serial, name, permissions, uid, gid }) => {
    const hex = (number: number) => number.toString(16).padStart(8, "0");
    const column = (number: number) => String(number).padStart(5);
    const owner = `${column(uids.shown(uid))} ${column(gids.shown(gid))}`;
    const words = `${column(1)} perm ${hex(permissions)} ${owner} keyring   ${name}: empty`;
    return `${hex(serial)} I--Q--- ${words}\n`;
  });
  return lines.join("");
}
