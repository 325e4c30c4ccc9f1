// The options that say whom a container's /etc/passwd and /etc/group know, as podman has them.

import type { AccountRequest } from "@nacre/core/program/request.ts";
import { flag, list, type Option, text, type Values } from "./options.ts";
import { present, unlessEmpty } from "./resource-options.ts";

/** Said or not said: what is left to the default is nothing that was asked for. */
const PASSWD: Option<boolean | undefined> = {
  ...flag(["passwd"], "Add a line for the user to /etc/passwd (default: with keep-id alone)"),
  initial: undefined,
};

export const ACCOUNT_OPTIONS = {
  groupEntry: text(["group-entry"], "line", "That line of /etc/group: $GROUPNAME, $GID, $USERLIST"),
  hostuser: list(["hostuser"], "user", "Add a user of this machine to /etc/passwd", String),
  passwd: PASSWD,
  passwdEntry: text(
    ["passwd-entry"],
    "line",
    "That line of /etc/passwd: $USERNAME, $UID, $GID, $NAME, $HOME",
  ),
};

/** Undefined where none of the options was given; an empty line counts as none. */
export function accountsOf(values: Values<typeof ACCOUNT_OPTIONS>): AccountRequest | undefined {
  const asked = present({
    add: values.passwd,
    hostUsers: unlessEmpty(values.hostuser),
    passwdEntry: values.passwdEntry || undefined,
    groupEntry: values.groupEntry || undefined,
  });
  return Object.keys(asked).length > 0 ? asked : undefined;
}
