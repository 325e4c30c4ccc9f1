import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StatePaths } from "@nacre/engine/images/paths.ts";
import { LocalVolumes } from "@nacre/engine/volumes/local.ts";
import { LinuxFiles } from "@nacre/linux/files.ts";
import { describe, expect, it } from "vitest";
import { volumeDriverContract } from "./volume-driver.ts";

for (const [kind, options] of [
  ["a directory", {}],
  ["a bind", { type: "none", o: "bind,ro", device: "/srv" }],
  ["a file system", { type: "tmpfs", device: "tmpfs", o: "size=1m,noexec" }],
] as const) {
  volumeDriverContract(`local, ${kind},`, async () => {
    const root = mkdtempSync(join(tmpdir(), "nacre-volumes-"));
    return {
      driver: new LocalVolumes(new LinuxFiles(), new StatePaths(root)),
      options,
      badOptions: { colour: "red" },
      look: () =>
        readdirSync(root, { recursive: true })
          .map(String)
          // Where mounts of all kinds lie, empty.
          .filter((path) => !["mounts", "locks", "volumes"].includes(path)),
      dispose: async () => rmSync(root, { recursive: true }),
    };
  });
}

describe("the local driver", () => {
  const driver = new LocalVolumes(new LinuxFiles(), new StatePaths("/r"));

  it("binds what o=bind names, as the options say", () => {
    const plan = driver.plan({
      name: "v",
      options: { type: "none", o: "rbind,ro,nosuid", device: "/srv" },
    });
    expect(plan).toMatchObject({ host: [], path: "/srv", recursive: true });
    expect(new Set(plan.attributes)).toEqual(new Set(["ro", "nosuid"]));
    expect(plan.fillable).toBeUndefined();
  });

  it("counts who shares a mount by the kernel's own locks", () => {
    const options = { type: "tmpfs", device: "tmpfs", o: "size=1m,noexec,uid=7" };
    expect(driver.plan({ name: "v", options }).host).toEqual([
      {
        op: "shareMount",
        lock: "/r/locks/volume-v",
        mount: {
          type: "tmpfs",
          source: "tmpfs",
          options: ["size=1m", "uid=7"],
          attributes: ["noexec"],
        },
        target: "/r/mounts/volume-v",
        why: expect.any(String),
      },
    ]);
  });

  it("says which option is missing", () => {
    expect(() => driver.check({ type: "nfs" })).toThrow('missing required option: "device"');
    expect(() => driver.check({ device: "/x" })).toThrow('missing required option: "type"');
    expect(() => driver.check({ type: "none", o: "bind", device: "x" })).toThrow("invalid device");
  });
});
