import type { Spec } from "@nacre/core/oci/runtime-spec.ts";
import type { ContainerRequest } from "@nacre/core/program/request.ts";
import { createSpec } from "@nacre/core/program/spec.ts";
import { checkUser, ownSpec } from "@nacre/core/user-namespace/own-spec.ts";
import { describe, expect, it } from "vitest";
import { MACHINE, namespaceOf } from "../program/machine-sample.ts";
import { sampleRequest } from "../program/request-sample.ts";

const line = (containerID: number, hostID: number, size: number) => ({ containerID, hostID, size });
const WHOLE = {
  uids: [line(0, 1000, 1), line(1, 100_000, 65_536)],
  gids: [line(0, 1000, 1), line(1, 100_000, 65_536)],
};
const SINGLE = { uids: [line(0, 1000, 1)], gids: [line(0, 1000, 1)] };

function made(
  change: Partial<ContainerRequest> = {},
  { maps = WHOLE, ownNetwork = true, absent = "" } = {},
): Spec {
  const request = sampleRequest({ command: ["sh"], ...change });
  const spec = createSpec(
    request,
    {},
    {
      ...{ id: "abc", user: { uid: 0, gid: 0, additionalGids: [], home: "/" } },
      ...{
        network: { own: ownNetwork },
        mounts: [],
        ownFiles: { directory: "/state/files", names: ["hosts", "hostname", "resolv.conf"] },
      },
      ...{ rootfs: "/state/rootfs", cgroupsPath: "/nacre/abc", machine: MACHINE, namespaceOf },
    },
  );
  return ownSpec(spec, {
    maps,
    exists: (path) => path !== absent,
    deviceAt: (path) => request.devices?.find((d) => d.target === path)?.source ?? path,
  });
}

const at = ({ mounts }: Spec, destination: string) =>
  mounts.find((mount) => mount.destination === destination);

describe("a spec in a user namespace", () => {
  it("binds the machine's devices, after /dev and before what lies below it", () => {
    const spec = made();
    expect(spec.linux.devices).toEqual([]);
    expect(spec.linux.resources.devices).toBeUndefined();
    const places = spec.mounts.map(({ destination }) => destination);
    expect(places.slice(places.indexOf("/dev"), places.indexOf("/dev/pts"))).toEqual([
      "/dev",
      "/dev/null",
      "/dev/zero",
      "/dev/full",
      "/dev/random",
      "/dev/urandom",
      "/dev/tty",
    ]);
    // A device that nobody may open is none.
    expect(at(spec, "/dev/null")?.options).not.toContain("nodev");
  });

  it("takes a device that was asked for from where it is", () => {
    const spec = made({ devices: [{ source: "/dev/fuse", target: "/dev/mine", access: "rwm" }] });
    expect(at(spec, "/dev/mine")).toMatchObject({ type: "bind", source: "/dev/fuse" });
  });

  it("mounts what is of its own namespaces, and binds what is of the machine's", () => {
    const own = made();
    expect(["/proc", "/sys", "/dev/mqueue"].map((path) => at(own, path)?.type)).toEqual([
      "proc",
      "sysfs",
      "mqueue",
    ]);
    const shared = made({ namespaces: { pid: "host", ipc: "host" } }, { ownNetwork: false });
    for (const path of ["/proc", "/sys", "/dev/mqueue"]) {
      expect(at(shared, path)).toMatchObject({ type: "bind", source: path });
      expect(at(shared, path)?.options).toContain("rbind");
    }
    // With all that is mounted below it.
    expect(at(shared, "/sys")?.options).toContain("rro");
    const without = made({ namespaces: { ipc: "host" } }, { absent: "/dev/mqueue" });
    expect(at(without, "/dev/mqueue")).toBeUndefined();
  });

  it("joins another container's namespaces as its own", () => {
    const spec = made({ namespaces: { pid: "container:other", ipc: "container:other" } });
    expect(["/proc", "/dev/mqueue"].map((path) => at(spec, path)?.type)).toEqual([
      "proc",
      "mqueue",
    ]);
  });

  it("gives terminals no group that is nobody, and keeps groups, where there is one ID", () => {
    expect(at(made(), "/dev/pts")?.options).toContain("gid=5");
    const single = made({}, { maps: SINGLE });
    expect(at(single, "/dev/pts")?.options).not.toContain("gid=5");
    expect(made().process.user.keepsGroups).toBeUndefined();
    expect(single.process.user.keepsGroups).toBe(true);
  });

  it("has no users who are nobody", () => {
    expect(() => checkUser({ uid: 65_536, gid: 0 }, WHOLE)).not.toThrow();
    expect(() => checkUser({ uid: 65_537, gid: 0 }, WHOLE)).toThrow("user 65537:0 is nobody here");
    expect(() => checkUser({ uid: 0, gid: 1 }, SINGLE)).toThrow("nobody here");
  });
});
