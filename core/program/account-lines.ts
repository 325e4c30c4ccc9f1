// Lines that a container's /etc/passwd and /etc/group get beside those of its image, in podman's
// form: for who keeps their ID in it, for users of the machine that it is to know, and for a user
// that is given by number.

import { resolveUser } from "./user.ts";

/** An account as the container is to know it. */
export interface NamedAccount {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly fullName: string;
  readonly home: string;
}

/** The two files, as they are. */
export interface AccountFiles {
  readonly passwd: string;
  readonly group: string;
}

export interface WantedAccounts {
  /** Of the machine (`--hostuser`). */
  readonly hostUsers: readonly NamedAccount[];
  /** Who has in the container the ID that they have outside, or another that was asked for. */
  readonly kept?: NamedAccount & { readonly groupName: string };
  /** As `resolveUser` takes it; empty for root. */
  readonly user: string;
  /** Home of who has none in the container. */
  readonly workingDirectory: string;
  /** Whether a directory of the machine is there in the container. */
  readonly hasHome: (home: string) => boolean;
  /** Instead of the usual line: `$USERNAME`, `$UID`, `$GID`, `$NAME`, `$HOME` are replaced. */
  readonly passwdEntry?: string | undefined;
  /** `$GROUPNAME`, `$GID`, `$USERLIST` are. */
  readonly groupEntry?: string | undefined;
}

const PASSWD_ENTRY = "$USERNAME:*:$UID:$GID:$NAME:$HOME:/bin/sh";
const GROUP_ENTRY = "$GROUPNAME:x:$GID:$USERLIST";

const filled = (entry: string, values: Readonly<Record<string, string | number>>): string =>
  entry.replace(/\$([A-Z]+)/g, (variable, name: string) => String(values[name] ?? variable));

/** Whether a line is of that name or that number, which stands third in both files. */
const knows = (text: string, name: string, id: number): boolean =>
  text.split("\n").some((line) => {
    const fields = line.split(":");
    return fields[0] === name || (fields.length > 2 && fields[2] === String(id));
  });

/** What a line was cut off from stays a line of its own. */
const appended = (text: string, line: string): string =>
  `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}${line}\n`;

/**
 * The files with the lines that are wanted and that nobody of that name or number has.
 * @throws NacreError as `resolveUser` does
 */
export function withAccounts(files: AccountFiles, wanted: WantedAccounts): AccountFiles {
  let { passwd, group } = files;
  const addUser = ({ name, uid, gid, fullName }: NamedAccount, home: string) => {
    if (knows(passwd, name, uid)) return;
    const values = { USERNAME: name, UID: uid, GID: gid, NAME: fullName, HOME: home };
    passwd = appended(passwd, filled(wanted.passwdEntry ?? PASSWD_ENTRY, values));
  };
  const addGroup = (name: string, gid: number, user: string) => {
    if (knows(group, name, gid)) return;
    const values = { GROUPNAME: name, GID: gid, USERLIST: user };
    group = appended(group, filled(wanted.groupEntry ?? GROUP_ENTRY, values));
  };
  const { hostUsers, kept, user, workingDirectory, hasHome } = wanted;
  const homeOf = ({ home }: NamedAccount) => (hasHome(home) ? home : workingDirectory);
  for (const account of hostUsers) addUser(account, homeOf(account));
  if (kept) {
    addUser(kept, homeOf(kept));
    addGroup(kept.groupName, kept.gid, kept.name);
  }
  const [userPart = "", groupPart] = user.split(":");
  if (/^\d+$/.test(userPart)) {
    const { uid, gid } = resolveUser(user, passwd, group);
    const account = { name: String(uid), uid, gid, fullName: "container user", home: "" };
    addUser(account, workingDirectory);
    if (groupPart !== undefined) addGroup(String(gid), gid, userPart);
  }
  return { passwd, group };
}
