import type { ImageProcess } from "@nacre/core/oci/image.ts";
import {
  createSpec,
  environment,
  processArguments,
  processCapabilities,
  workingDirectory,
} from "@nacre/core/program/spec.ts";
import { describe, expect, it } from "vitest";
import { MACHINE, namespaceOf } from "./machine-sample.ts";
import { sampleRequest } from "./request-sample.ts";

const IMAGE: ImageProcess = {
  Entrypoint: ["/entry"],
  Cmd: ["one", "two"],
  Env: ["PATH=/image/bin", "A=image", "B=image"],
  WorkingDir: "/srv",
};
const CONTEXT = {
  id: "abcdef012345".padEnd(64, "0"),
  user: { uid: 0, gid: 0, additionalGids: [], home: "/root" },
  network: { own: true },
  mounts: [],
  ownFiles: { directory: "/state/files", names: ["hosts", "hostname", "resolv.conf"] },
  rootfs: "/state/rootfs",
  cgroupsPath: "/nacre/abc",
  machine: MACHINE,
  namespaceOf,
};

describe("processArguments", () => {
  it("joins the image's entrypoint and command", () => {
    expect(processArguments(sampleRequest(), IMAGE)).toEqual(["/entry", "one", "two"]);
  });
  it("puts the user's command in the place of the image's", () => {
    expect(processArguments(sampleRequest({ command: ["x"] }), IMAGE)).toEqual(["/entry", "x"]);
  });
  it("drops the image's command with its entrypoint", () => {
    expect(processArguments(sampleRequest({ entrypoint: ["/mine"] }), IMAGE)).toEqual(["/mine"]);
  });
  it("says that there is nothing to run", () => {
    expect(() => processArguments(sampleRequest({ entrypoint: [] }), IMAGE)).toThrow("no command");
    expect(() => processArguments(sampleRequest(), {})).toThrow("no command");
  });
});

describe("environment", () => {
  it("lets the user's variables win over the image's, and those over the defaults", () => {
    const request = sampleRequest({ environment: ["B=user", "C=1=2"] });
    const env = environment(request, IMAGE, "box", "/root");
    expect(env).toEqual([
      "PATH=/image/bin",
      "HOSTNAME=box",
      "A=image",
      "B=user",
      "C=1=2",
      "HOME=/root",
    ]);
  });
  it("leaves out what is to be unset, but for its own name and home and what the user sets", () => {
    const given = (unsetEnvironment: "all" | string[]) =>
      environment(sampleRequest({ environment: ["B=user"], unsetEnvironment }), IMAGE, "box", "/r");
    expect(given("all")).toEqual(["HOSTNAME=box", "B=user", "HOME=/r"]);
    expect(given(["A", "B", "HOSTNAME", "NONE"])).toEqual([
      ...["PATH=/image/bin", "HOSTNAME=box", "B=user", "HOME=/r"],
    ]);
  });
  it("names the terminal only where there is one", () => {
    expect(environment(sampleRequest({ terminal: true }), {}, "h", "/")).toContain("TERM=xterm");
    expect(environment(sampleRequest(), {}, "h", "/")).not.toContain("TERM=xterm");
  });
  it("keeps a HOME that was given", () => {
    const request = sampleRequest({ environment: ["HOME=/elsewhere"] });
    expect(environment(request, {}, "h", "/root")).toContain("HOME=/elsewhere");
  });
});

describe("workingDirectory", () => {
  it("is the user's, the image's, or the root", () => {
    expect(workingDirectory(sampleRequest({ workingDirectory: "/w" }), IMAGE)).toBe("/w");
    expect(workingDirectory(sampleRequest(), IMAGE)).toBe("/srv");
    expect(workingDirectory(sampleRequest(), {})).toBe("/");
  });
  it("refuses a relative one", () => {
    expect(() => workingDirectory(sampleRequest({ workingDirectory: "w" }), IMAGE)).toThrow(
      "absolute",
    );
  });
});

describe("processCapabilities", () => {
  it("never makes a capability inheritable", () => {
    expect(processCapabilities(0, {}, MACHINE).inheritable).toEqual([]);
    expect(processCapabilities(1000, {}, MACHINE).inheritable).toEqual([]);
  });
  it("leaves a user who is not root with none in effect", () => {
    expect(processCapabilities(1000, {}, MACHINE)).toMatchObject({ effective: [], permitted: [] });
    expect(processCapabilities(0, {}, MACHINE).effective).not.toContain("CAP_SYS_ADMIN");
  });
});

describe("createSpec", () => {
  it("is named after the container's ID unless the user names it", () => {
    expect(createSpec(sampleRequest(), IMAGE, CONTEXT).hostname).toBe("abcdef012345");
    expect(createSpec(sampleRequest({ hostname: "h" }), IMAGE, CONTEXT).hostname).toBe("h");
  });
  it("hands annotations on", () => {
    const annotations = { "org.example.team": "red" };
    expect(createSpec(sampleRequest({ annotations }), IMAGE, CONTEXT)).toMatchObject({
      annotations,
    });
    expect(createSpec(sampleRequest(), IMAGE, CONTEXT)).not.toHaveProperty("annotations");
  });
  it("turns limits into the kernel's units", () => {
    const resources = { memoryBytes: 64 << 20, nanoCpus: 1_500_000_000, pids: 10 };
    expect(createSpec(sampleRequest({ resources }), IMAGE, CONTEXT).linux.resources).toMatchObject({
      memory: { limit: 67108864 },
      cpu: { quota: 150_000, period: 100_000 },
      pids: { limit: 10 },
    });
  });
  it("denies every device before it allows any", () => {
    const rules = createSpec(sampleRequest(), IMAGE, CONTEXT).linux.resources.devices ?? [];
    expect(rules[0]).toEqual({ allow: false, type: "a", access: "rwm" });
    expect(rules.slice(1).every((r) => r.allow && r.type !== "a")).toBe(true);
  });
  it("gives the devices of a directory one by one, and refuses one that has none", () => {
    const given = (source: string, target: string) => {
      const machine = {
        ...MACHINE,
        device: () => ({ major: 116, minor: 1 }),
        devicesBelow: (path: string) =>
          path === "/dev/empty" ? [] : MACHINE.devicesBelow(path.replace(/\/$/, "")),
      };
      const devices = [{ source, target, access: "rw" }];
      const spec = createSpec(sampleRequest({ devices }), IMAGE, { ...CONTEXT, machine });
      return spec.linux.devices.slice(-2).map(({ path }) => path);
    };
    expect(given("/dev/snd/", "/dev/sound/")).toEqual(["/dev/sound/a", "/dev/sound/by/b"]);
    expect(() => given("/dev/empty", "/x")).toThrow("no devices in the directory /dev/empty");
  });
  it("shares the network only where the network says so", () => {
    const types = (own: boolean) =>
      createSpec(sampleRequest(), IMAGE, { ...CONTEXT, network: { own } }).linux.namespaces.map(
        (n) => n.type,
      );
    expect(types(true)).toContain("network");
    expect(types(false)).not.toContain("network");
  });
  it("puts a user's mount in the place of a standard one, parents before children", () => {
    const bind = (target: string) =>
      ({
        type: "bind",
        source: "/s",
        target,
        readOnly: true,
        recursive: true,
        propagation: "private",
      }) as const;
    const asked = [bind("/data/inner"), bind("/data"), bind("/etc/hosts")];
    const { mounts } = createSpec(sampleRequest(), IMAGE, { ...CONTEXT, mounts: asked });
    const places = mounts.map((m) => m.destination);
    expect(places.filter((p) => p === "/etc/hosts")).toHaveLength(1);
    expect(places.indexOf("/data")).toBeLessThan(places.indexOf("/data/inner"));
    expect(mounts.at(-1)?.options).toEqual(["rbind", "rro", "rprivate"]);
  });
});
