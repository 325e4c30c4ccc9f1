// Who a container's process is: `--user` or the image's User, looked up in the container's own
// /etc/passwd and /etc/group, never in the host's (CVE-2019-14271), and a number is a number even
// if an account of that name exists (CVE-2016-3697).

import { NacreError } from "../error.ts";

export interface ProcessUser {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
  /** From passwd; `/` for a uid without an entry. */
  readonly home: string;
}

interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}
interface Group {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** Largest ID that is not the reserved (uid_t)-1. */
const MAX_ID = 0xfffffffe;

const fieldsOf = (text: string): string[][] =>
  text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(":"));

function accounts(passwd: string): Account[] {
  return fieldsOf(passwd)
    .filter((f) => f.length >= 6 && /^\d+$/.test(f[2]!) && /^\d+$/.test(f[3]!))
    .map((f) => ({ name: f[0]!, uid: Number(f[2]), gid: Number(f[3]), home: f[5] || "/" }));
}

function groups(text: string): Group[] {
  return fieldsOf(text)
    .filter((f) => f.length >= 3 && /^\d+$/.test(f[2]!))
    .map((f) => ({
      name: f[0]!,
      gid: Number(f[2]),
      members: (f[3] ?? "").split(",").filter((member) => member !== ""),
    }));
}

function numeric(text: string, what: string): number | undefined {
  if (!/^\d+$/.test(text)) return undefined;
  const id = Number(text);
  if (id > MAX_ID) throw new NacreError("invalid", `${what} ${text} is larger than ${MAX_ID}`);
  return id;
}

const missing = (what: "user" | "group", name: string): NacreError =>
  new NacreError(
    "not-found",
    `unable to find ${what} ${name}: no matching entry in ${what === "user" ? "passwd" : "group"} file`,
    {
      advice: `Give a number, or a ${what} that the image's /etc/${what === "user" ? "passwd" : "group"} has.`,
    },
  );

/** Numbers of groups by number or name. */
export function resolveGroups(wanted: readonly string[], groupText: string): number[] {
  return wanted.map((one) => {
    const gid = numeric(one, "group ID") ?? groups(groupText).find((g) => g.name === one)?.gid;
    if (gid === undefined) throw missing("group", one);
    return gid;
  });
}

/**
 * Resolves `uid`, `uid:gid`, `name`, `name:group` or any mix. An empty `wanted` is root.
 * Additional groups come from the group file where no group was asked for.
 */
export function resolveUser(wanted: string, passwd: string, groupText: string): ProcessUser {
  const colon = wanted.indexOf(":");
  const userPart = (colon < 0 ? wanted : wanted.slice(0, colon)) || "0";
  const groupPart = colon < 0 ? "" : wanted.slice(colon + 1);
  const uidGiven = numeric(userPart, "user ID");
  const known = accounts(passwd);
  const account = known.find((a) =>
    uidGiven === undefined ? a.name === userPart : a.uid === uidGiven,
  );
  if (!account && uidGiven === undefined) throw missing("user", userPart);
  const uid = account?.uid ?? uidGiven!;
  const home = account?.home ?? "/";
  if (groupPart !== "") {
    const gidGiven = numeric(groupPart, "group ID");
    const gid = gidGiven ?? groups(groupText).find((g) => g.name === groupPart)?.gid;
    if (gid === undefined) throw missing("group", groupPart);
    return { uid, gid, additionalGids: [], home };
  }
  const gid = account?.gid ?? 0;
  const additionalGids = account
    ? groups(groupText)
        .filter((g) => g.members.includes(account.name) && g.gid !== gid)
        .map((g) => g.gid)
    : [];
  return { uid, gid, additionalGids: [...new Set(additionalGids)], home };
}
