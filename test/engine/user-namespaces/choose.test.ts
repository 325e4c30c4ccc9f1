import { NacreError } from "@nacre/core/error.ts";
import type { Files } from "@nacre/core/ports/files.ts";
import { type ContainerRequest, completeRequest } from "@nacre/core/program/request.ts";
import type { ContainerRecord } from "@nacre/core/state/records.ts";
import { parseIdMapping, type UserMaps } from "@nacre/core/user-namespace/id-map.ts";
import { type ChoiceParts, chooseUsers } from "@nacre/engine/user-namespaces/choose.ts";
import { describe, expect, it } from "vitest";

const FILES: Readonly<Record<string, string>> = {
  "/etc/passwd": "root:x:0:0::/:\nanna:x:1000:1000::/:\nberta:x:1001:1001::/:\n",
  "/etc/group": "root:x:0:\nanna:x:1000:\nothers:x:2000:\n",
  "/etc/subuid": "anna:100000:65536\n1001:300000:10\ncontainers:500000:100\n",
  "/etc/subgid": "anna:200000:65536\nothers:400000:5\ncontainers:600000:100\n",
  "/proc/77/uid_map": "         0     700000      65536\n",
  "/proc/77/gid_map": "         0     800000      65536\n",
};

function partsWith(
  texts: Readonly<Record<string, string>>,
  more: Partial<ChoiceParts> = {},
): ChoiceParts {
  const files = {
    readText: (path: string) => {
      const text = texts[path];
      if (text === undefined) throw new NacreError("not-found", path);
      return text;
    },
    status: (path: string) => (path === "/proc/77" ? { kind: "directory" } : undefined),
    list: () => [],
  };
  return {
    files: files as unknown as Files,
    find: () => ({ name: "other", users: map("0:900000:10") }) as unknown as ContainerRecord,
    facts: { release: "6.1.0" },
    ...more,
  };
}

const map = (uids: string, gids = uids): UserMaps => ({
  uids: uids.split(" ").map((line) => parseIdMapping(line, "")),
  gids: gids.split(" ").map((line) => parseIdMapping(line, "")),
});

type Wanted = Partial<ContainerRequest>;

const chosen = (wanted: Wanted, more: Partial<ChoiceParts> = {}, taken: readonly UserMaps[] = []) =>
  chooseUsers(completeRequest({ image: "debian", ...wanted }), partsWith(FILES, more))?.(taken);

function refused(wanted: Wanted, more: Partial<ChoiceParts> = {}): string {
  try {
    chosen(wanted, more);
  } catch (error) {
    if (error instanceof NacreError) return `${error.kind}: ${error.message}`;
    throw error;
  }
  return "taken";
}

describe("the users of a container", () => {
  it("are the machine's where nobody asks for others, and where somebody asks for them", () => {
    expect(chosen({})).toBeUndefined();
    expect(chosen({ userns: "host" }, { remap: "anna" })).toBeUndefined();
    expect(
      chosen({ userns: "container:x" }, { find: () => ({}) as ContainerRecord }),
    ).toBeUndefined();
  });

  it.each([
    ["anna", map("0:100000:65536", "0:200000:65536")],
    ["1000", map("0:100000:65536", "0:200000:65536")],
    ["anna:others", map("0:100000:65536", "0:400000:5")],
    ["1001:2000", map("0:300000:10", "0:400000:5")],
    ["default", map("0:2147418112:65536")],
  ])("are those of --userns-remap %s in all containers", (remap, maps) => {
    expect(chosen({}, { remap })).toEqual(maps);
    expect(chosen({ userns: "private" }, { remap })).toEqual(maps);
  });

  it("are IDs that nobody else has by auto, of user containers", () => {
    const sized = { userns: "auto:size=40" };
    expect(chosen(sized)).toEqual(map("0:500000:40", "0:600000:40"));
    const taken = [map("0:500000:40", "0:600010:1")];
    expect(chosen(sized, {}, taken)).toEqual(map("0:500040:40", "0:600011:40"));
  });

  it("are in the upper half of all by auto where there is no such user", () => {
    const request = completeRequest({ image: "debian", userns: "auto" });
    const choice = chooseUsers(request, partsWith({}));
    const first = choice?.([]) as UserMaps;
    expect(first).toEqual(map("0:2147483648:65536"));
    expect(choice?.([first])).toEqual(map("0:2147549184:65536"));
  });

  it("are as they were written, one kind for both, and all of a name's", () => {
    const { uids, gids } = map("0:5:3", "0:7:2");
    expect(chosen({ idMaps: { uids } })).toEqual({ uids, gids: uids });
    expect(chosen({ idMaps: { gids } })).toEqual({ uids: gids, gids });
    expect(chosen({ userns: "private", idMaps: { uids, gids } })).toEqual({ uids, gids });
    expect(chosen({ idMaps: { subuidName: "anna" } })).toEqual(
      map("0:100000:65536", "0:200000:65536"),
    );
  });

  it("are another container's, or another namespace's", () => {
    expect(chosen({ userns: "container:other" })).toEqual(map("0:900000:10"));
    expect(chosen({ userns: "ns:/proc/77/ns/user" })).toEqual(
      map("0:700000:65536", "0:800000:65536"),
    );
  });

  it.each([
    [{ userns: "auto", image: "host" }, "conflict: the image host is"],
    [{ userns: "keep-id" }, "unsupported: --userns keep-id is for"],
    [{ userns: "nomap" }, "unsupported: --userns nomap is for"],
    [{ userns: "auto:size=0" }, "invalid: --userns auto: size=0"],
    [{ userns: "auto:uidmapping=0:1:1" }, "invalid: --userns auto: unknown option"],
    [{ userns: "auto:size=101" }, "no-space: --userns auto: no 101 IDs in a row are free"],
    [{ userns: "ns:relative" }, "invalid: --userns: invalid USER mode"],
    [{ userns: "ns:/proc/78/ns/user" }, "not-found: --userns ns:/proc/78/ns/user"],
    [{ userns: "container:" }, "invalid: --userns: invalid USER mode"],
    [{ userns: "auto", idMaps: { subuidName: "anna" } }, "conflict: --uidmap and its like"],
    [{ idMaps: { subuidName: "zed" } }, 'not-found: --subuidname: no ranges found for user "zed"'],
    [{ idMaps: { uids: map("1:5:3").uids } }, "invalid: --uidmap: ID 0 of the container"],
    [{ idMaps: map("0:5:3", "0:5:3 2:9:9") }, "invalid: --gidmap: 0:5:3 and 2:9:9 overlap"],
    [
      { idMaps: { uids: map("0:99999:5").uids, subuidName: "anna" } },
      "denied: --uidmap: the map goes outside of what /etc/subuid gives anna",
    ],
  ] satisfies [Wanted, string][])("refuse %j", (wanted, message) => {
    expect(refused(wanted).slice(0, message.length)).toBe(message);
  });

  it.each([
    ["zed", 'not-found: --userns-remap: there is no user "zed"'],
    ["anna:zed", 'not-found: --userns-remap: there is no group "zed"'],
    ["root", 'not-found: --userns-remap: no ranges found for user "root" in /etc/subuid'],
    ["berta", 'not-found: --userns-remap: no ranges found for user "berta" in /etc/subgid'],
  ])("refuse --userns-remap %s", (remap, message) => {
    expect(refused({}, { remap })).toBe(message);
  });

  it.each([
    [{ privileged: true }, "conflict: privileged mode is incompatible"],
    [{ network: "host" }, "conflict: cannot share the host's network"],
    [{ namespaces: { pid: "host" } }, "conflict: cannot share the host PID"],
  ] satisfies [Wanted, string][])(
    "refuse %j where all containers are remapped, and not where one asks for users",
    (wanted, message) => {
      expect(refused(wanted, { remap: "anna" })).toContain(message);
      expect(chosen({ ...wanted, userns: "host" }, { remap: "anna" })).toBeUndefined();
      expect(chosen({ ...wanted, userns: "auto:size=10" }, { remap: "anna" })).toEqual(
        map("0:500000:10", "0:600000:10"),
      );
      expect(chosen({ ...wanted, idMaps: map("0:7000:10") })).toEqual(map("0:7000:10"));
    },
  );

  it("refuse kernels and users that cannot have any", () => {
    const old = { facts: { release: "5.18.2" } };
    expect(refused({ userns: "auto" }, old)).toContain("unsupported: --userns: kernel 5.18.2");
  });
});

describe("the users of a container, where the engine's user is not root", () => {
  const own = {
    facts: {
      release: "6.1.0",
      userNamespace: map("0:1000:1 1:100000:65536", "0:1001:1 1:200000:65536"),
    },
  };
  const alone = { facts: { release: "6.1.0", userNamespace: map("0:1000:1") } };

  it("are the caller under the same number with keep-id, and the subordinate IDs around", () => {
    expect(chosen({ userns: "keep-id" }, own)).toEqual(
      map("0:1:1000 1000:0:1 1001:1001:64536", "0:1:1001 1001:0:1 1002:1002:64535"),
    );
    expect(chosen({ userns: "keep-id:uid=0,gid=5" }, own)).toEqual(
      map("0:0:1 1:1:65536", "0:1:5 5:0:1 6:6:65531"),
    );
    // Past all others.
    expect(chosen({ userns: "keep-id:uid=70000" }, own)?.uids).toEqual(
      map("0:1:65536 70000:0:1").uids,
    );
  });

  it("are the subordinate IDs alone with nomap", () => {
    expect(chosen({ userns: "nomap" }, own)).toEqual(map("0:1:65536"));
  });

  it("are in lines that the kernel takes, each within one range of the caller's IDs", () => {
    const ranges = "0:1000:1 1:100000:500 501:300000:65536";
    const facts = { release: "6.1.0", userNamespace: map(ranges) };
    const rest = "0:1:500 500:501:500 1000:0:1";
    expect(chosen({ userns: "keep-id:uid=1000,gid=1000" }, { facts })?.uids).toEqual(
      map(`${rest} 1001:1001:65036`).uids,
    );
    expect(chosen({ userns: "nomap" }, { facts })).toEqual(map("0:1:500 500:501:65536"));
    const { uids } = map("0:0:1000");
    const divided = map("0:0:1 1:1:500 501:501:499");
    expect(chosen({ idMaps: { uids } }, { facts })).toEqual(divided);
  });

  it("are those of maps of the IDs that there are, and of another container", () => {
    const { uids } = map("0:1:10 77:0:1");
    expect(chosen({ idMaps: { uids } }, own)).toEqual({ uids, gids: uids });
    expect(chosen({ userns: "container:x" }, own)).toEqual(map("0:900000:10"));
    expect(chosen({ userns: "host" }, own)).toBeUndefined();
    expect(chosen({ userns: "keep-id", privileged: true, network: "host" }, own)).toBeDefined();
  });

  it.each([
    [{ userns: "auto" }, "unsupported: --userns auto: without root"],
    [{ userns: "private" }, "unsupported: --userns private: without root"],
    [{ userns: "ns:/proc/77/ns/user" }, "unsupported: --userns ns:/proc/77/ns/user: without root"],
    [{ userns: "keep-id:uid=x" }, 'invalid: --userns keep-id: unknown option "uid=x"'],
    [{ userns: "keep-id:" }, 'invalid: --userns keep-id: unknown option ""'],
    [{ userns: "keep-id:size=3" }, 'invalid: --userns keep-id: unknown option "size=3"'],
    [{ userns: "nomap", idMaps: {} }, "conflict: --uidmap"],
    [{ idMaps: { subuidName: "anna" } }, "unsupported: --subuidname"],
    [
      { idMaps: { uids: map("0:1:65537").uids } },
      "denied: --uidmap: the map goes outside of the 65537",
    ],
    [{ idMaps: { uids: map("5:1:10").uids } }, "invalid: --uidmap: ID 0"],
  ] as const)("are refused by name: %j", (wanted, message) => {
    expect(refused(wanted, own)).toContain(message);
  });

  it("need subordinate IDs", () => {
    for (const userns of ["keep-id", "nomap"]) {
      expect(refused({ userns }, alone)).toContain(
        `unsupported: --userns ${userns}: you have no subordinate IDs`,
      );
    }
    expect(refused({}, { ...own, remap: "anna" })).toContain(
      "unsupported: --userns of --userns-remap",
    );
  });
});
