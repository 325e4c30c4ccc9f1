import { NacreError } from "@nacre/core/error.ts";
import { resolveUser } from "@nacre/core/program/user.ts";
import { describe, expect, it } from "vitest";

const PASSWD = `root:x:0:0:root:/root:/bin/sh
daemon:x:1:1::/usr/sbin:/usr/sbin/nologin
# a comment
broken line
app:x:1000:1001:App:/home/app:/bin/sh
1234:x:77:77::/odd:/bin/sh
`;
const GROUP = `root:x:0:
video:x:44:app,daemon
app:x:1001:app
staff:x:50:app,app
`;

describe("resolveUser", () => {
  it("is root with root's home when nobody is asked for", () => {
    expect(resolveUser("", PASSWD, GROUP)).toEqual({
      uid: 0,
      gid: 0,
      additionalGids: [],
      home: "/root",
    });
  });

  it("finds a name with its group, home and additional groups", () => {
    expect(resolveUser("app", PASSWD, GROUP)).toEqual({
      uid: 1000,
      gid: 1001,
      additionalGids: [44, 50],
      home: "/home/app",
    });
  });

  it("finds the same account by its number", () => {
    expect(resolveUser("1000", PASSWD, GROUP)).toEqual(resolveUser("app", PASSWD, GROUP));
  });

  it("takes a number as a number although an account has that name", () => {
    expect(resolveUser("1234", PASSWD, GROUP)).toMatchObject({ uid: 1234, gid: 0, home: "/" });
  });

  it("gives a group that was asked for, and then no others", () => {
    expect(resolveUser("app:video", PASSWD, GROUP)).toMatchObject({ gid: 44, additionalGids: [] });
    expect(resolveUser("5:6", PASSWD, GROUP)).toMatchObject({ uid: 5, gid: 6 });
    expect(resolveUser(":44", PASSWD, GROUP)).toMatchObject({ uid: 0, gid: 44 });
  });

  it.each(["nobody-here", "app:nogroup"])("says what is missing for %s", (wanted) => {
    expect(() => resolveUser(wanted, PASSWD, GROUP)).toThrow(/no matching entry/);
  });

  it("refuses an ID that the kernel reserves", () => {
    expect(() => resolveUser("4294967295", PASSWD, GROUP)).toThrow(NacreError);
  });
});
