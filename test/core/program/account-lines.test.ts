import { type WantedAccounts, withAccounts } from "@nacre/core/program/account-lines.ts";
import { describe, expect, it } from "vitest";

const FILES = { passwd: "root:x:0:0:root:/root:/bin/sh\n", group: "root:x:0:\nstaff:x:50:\n" };
const ME = { name: "me", uid: 1000, gid: 100, fullName: "Some One", home: "/home/me" };

const added = (wanted: Partial<WantedAccounts>, files = FILES) => {
  const { passwd, group } = withAccounts(files, {
    ...{ hostUsers: [], user: "", workingDirectory: "/work", hasHome: () => false },
    ...wanted,
  });
  expect(passwd.startsWith(files.passwd) && group.startsWith(files.group)).toBe(true);
  return [passwd.slice(files.passwd.length), group.slice(files.group.length)];
};

describe("withAccounts", () => {
  it("adds nobody where the process is root", () => {
    expect(added({})).toEqual(["", ""]);
    expect(added({ user: "root:staff" })).toEqual(["", ""]);
  });

  it("knows who keeps an ID, and their group, at home where their home is", () => {
    const kept = { ...ME, groupName: "us" };
    const lines = ["me:*:1000:100:Some One:/work:/bin/sh\n", "us:x:100:me\n"];
    expect(added({ kept, user: "1000:100" })).toEqual(lines);
    const [atHome] = added({ kept, user: "0", hasHome: (home) => home === "/home/me" });
    expect(atHome).toBe("me:*:1000:100:Some One:/home/me:/bin/sh\n");
  });

  it.each([
    ["number", "node:x:1000:1000::/home/node:/bin/sh\n", "node:x:100:\n"],
    ["name", "me:x:7:7::/:/bin/sh\n", "us:x:7:\n"],
  ])("adds nobody whose %s the image knows", (_, passwd, group) => {
    expect(added({ kept: { ...ME, groupName: "us" } }, { passwd, group })).toEqual(["", ""]);
  });

  it("gives a user by number a line, and a group that was named by number", () => {
    expect(added({ user: "77" })).toEqual(["77:*:77:0:container user:/work:/bin/sh\n", ""]);
    expect(added({ user: "77:88" })).toEqual([
      "77:*:77:88:container user:/work:/bin/sh\n",
      "88:x:88:77\n",
    ]);
    expect(added({ user: "77:staff" })[0]).toBe("77:*:77:50:container user:/work:/bin/sh\n");
  });

  it("knows users of the machine, each once", () => {
    const [passwd] = added({ hostUsers: [ME, ME], user: "1000" });
    expect(passwd).toBe("me:*:1000:100:Some One:/work:/bin/sh\n");
  });

  it("writes lines as they were given, with what stands for the account in them", () => {
    const passwdEntry = "$USERNAME:$UID:$GID:$NAME:$HOME:$SHELL";
    const wanted = { user: "77:88", passwdEntry, groupEntry: "g$GROUPNAME:$GID:$USERLIST" };
    expect(added(wanted)).toEqual(["77:77:88:container user:/work:$SHELL\n", "g88:88:77\n"]);
  });

  it("begins a line of its own where a file ends without one, and files that are not there", () => {
    const passwd = "games:x:5:60::/:/bin/sh";
    expect(added({ user: "77:88" }, { passwd, group: "" })).toEqual([
      "\n77:*:77:88:container user:/work:/bin/sh\n",
      "88:x:88:77\n",
    ]);
  });
});
