// The options of a mount, as the OCI runtime specification lists them.

import { runtimeMountFlags } from "@nacre/core/program/runtime-mount-options.ts";
import { describe, expect, it } from "vitest";

const flags = (options: readonly string[], type = "bind") =>
  runtimeMountFlags({ destination: "/a", type, source: "/b", options });

describe("the options of an OCI mount", () => {
  it("tell attributes of the mount from those of all below it", () => {
    expect(flags(["rbind", "ro", "rnosuid", "rexec"])).toMatchObject({
      bind: true,
      recursive: true,
      set: ["ro"],
      cleared: [],
      setBelow: ["nosuid"],
      clearedBelow: ["noexec"],
    });
  });

  it("let the last word win", () => {
    expect(flags(["ro", "rw", "nodev", "dev", "noexec"])).toMatchObject({
      set: ["noexec"],
      cleared: ["ro", "nodev"],
    });
  });

  it("know propagation, and whether it goes down", () => {
    expect(flags(["bind", "rslave"]).propagation).toEqual({ mode: "slave", recursive: true });
    expect(flags(["bind", "unbindable"]).propagation).toEqual({
      mode: "unbindable",
      recursive: false,
    });
    expect(flags(["bind"]).propagation).toBeUndefined();
  });

  it("leave to the file system what is its own", () => {
    const found = flags(["nosuid", "mode=755", "size=1m", "tmpcopyup", "defaults"], "tmpfs");
    expect(found).toMatchObject({ copyUp: true, options: ["mode=755", "size=1m"], bind: false });
    expect(flags(["relatime", "rrelatime", "async"])).toMatchObject({ options: [] });
    expect(flags(["bind", "idmap"])).toMatchObject({ idmap: true, options: [] });
  });
});
