// Escapes by names, mounts and what /proc, /sys and /dev show.

import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Operation } from "@nacre/core/program/operation.ts";
import { bindOf, changed, type Escape, followed, replaced, without } from "./escape.ts";
import type { World } from "./world.ts";

/** Writes to a kernel parameter what it says already. */
const REWRITE = (path: string): string => `v=$(cat ${path}); echo "$v" >${path} && echo written`;

const FOLLOWED = followed("through");

function directoryOf(world: World, name: string): string {
  const path = join(world.base, name);
  mkdirSync(path);
  return path;
}

const bound = (source: string, target: string): Operation => ({
  ...({ op: "bindInRoot", source, target } as const),
  ...({ recursive: false, attributes: [], propagation: "private" } as const),
});

const writable = (operation: Operation): Operation => {
  if (operation.op === "mountInRoot" && operation.target.startsWith("/sys")) {
    const attributes = operation.mount.attributes.filter((word) => word !== "ro");
    return { ...operation, mount: { ...operation.mount, attributes } };
  }
  return operation;
};

export const TREES: readonly Escape[] = [
  {
    ids: ["CVE-2021-30465", "CVE-2024-45310", "CVE-2019-18837"],
    shape: "the target of a mount leads by a link to the machine, and is made there",
    protection: "openat2(2) with RESOLVE_IN_ROOT for every name in a root",
    attempt: async (world) => {
      const image = await world.image([{ name: "through", type: "symlink", link: world.canary }]);
      const source = directoryOf(world, "source");
      await world.run("true", { image, mounts: [bindOf(source, "/through/made")] });
      return !world.untouched();
    },
    without: FOLLOWED,
  },
  {
    ids: ["CVE-2014-6407", "CVE-2021-32760", "CVE-2007-4559", "CVE-2018-1002200"],
    shape: "a layer has a link to the machine, and then a file through it",
    protection: "the same, where layers are unpacked (placeText, placeFile)",
    attempt: async (world) => {
      const tree = directoryOf(world, "tree");
      symlinkSync(world.canary, join(tree, "through"));
      const owner = { mode: 0o644, uid: 0, gid: 0 };
      await world.kernel
        .perform({
          title: "unpack a layer",
          host: [
            { op: "openRoot", path: tree },
            { op: "placeText", path: "/through/made", data: "x", ...owner },
          ],
        })
        .catch(() => undefined);
      return !world.untouched();
    },
    without: FOLLOWED,
  },
  {
    ids: ["CVE-2019-19921", "CVE-2023-27561", "CVE-2023-28642"],
    shape: "/proc of an image is a link, so that what masks it goes elsewhere",
    protection: "mountInRoot of proc with RESOLVE_NO_SYMLINKS: such an image does not start",
    attempt: async (world) => {
      const link = [
        { name: "proc", type: "symlink", link: "elsewhere" },
        { name: "elsewhere/", type: "directory" },
      ] as const;
      const image = await world.image(link);
      return (await world.run("true", { image })).code === 0;
    },
    without: { source: [["mounts.c", ": RESOLVE_NO_SYMLINKS)", ": RESOLVE_NO_MAGICLINKS)"]] },
  },
  {
    ids: ["CVE-2019-16884"],
    shape: "a volume over a part of /proc takes what is written there",
    protection: "such targets are refused before anything is made",
    attempt: async (world) => {
      const source = directoryOf(world, "evil");
      writeFileSync(join(source, "current"), "evil\n");
      const mounts = [bindOf(source, "/proc/self/attr")];
      const { output } = await world.run("cat /proc/1/attr/current", { mounts });
      // What it would be like if such a target were let through.
      return output === "evil\n" || (await world.run("cat /proc/fs/secret")).output.includes("own");
    },
    without: {
      program: changed(({ child }, { canary }) => ({
        child: child.flatMap((o) => (o.op === "enterRoot" ? [bound(canary, "/proc/fs"), o] : [o])),
      })),
    },
  },
  {
    ids: ["CVE-2025-31133"],
    shape: "the /dev/null that paths are masked with is the container's, and another file",
    protection: "maskInRoot binds the device 1:3 itself, whatever is called /dev/null",
    attempt: async (world) => {
      const evil = directoryOf(world, "evil");
      writeFileSync(join(evil, "null"), "evil\n");
      const mounts = [bindOf(evil, "/dev")];
      const { output } = await world.run("cat /proc/interrupts", { mounts });
      return output !== "";
    },
    without: replaced((o, { base }) =>
      o.op === "maskInRoot" && o.path === "/proc/interrupts"
        ? bound(join(base, "evil/null"), o.path)
        : o,
    ),
  },
  {
    ids: [],
    shape: "files of /proc tell of the machine",
    protection: "maskInRoot",
    attempt: async (world) => (await world.run("cat /proc/interrupts")).output !== "",
    without: without(({ op }) => op === "maskInRoot"),
  },
  {
    ids: ["CVE-2025-52881", "CVE-2022-0811"],
    shape: "kernel parameters of the machine are written: core_pattern",
    protection: "readOnlyInRoot of /proc/sys; setSysctl takes those of own namespaces alone",
    attempt: async (world) => {
      const asked = { sysctls: { "kernel.core_pattern": "core" } };
      const { code } = await world.run("true", asked);
      const path = "/proc/sys/kernel/core_pattern";
      return code === 0 || (await world.run(REWRITE(path))).output === "written\n";
    },
    without: without((o) => o.op === "readOnlyInRoot" && o.path === "/proc/sys"),
  },
  {
    ids: ["CVE-2023-25809"],
    shape: "the cgroup hierarchy is writable from inside",
    protection: "/sys and /sys/fs/cgroup are mounted read-only",
    attempt: async (world) => {
      const line =
        "for d in /sys/fs/cgroup /sys/fs/cgroup/*; do mkdir $d/x && rmdir $d/x && echo made; done";
      return (await world.run(`(${line}) 2>/dev/null`)).output.includes("made");
    },
    without: {
      program: changed(({ child }) => ({
        child: child
          .filter((o) => o.op !== "setMountAttributes" || !o.path.startsWith("/sys"))
          .map(writable),
      })),
    },
  },
  {
    ids: [],
    shape: "a node for a device of the machine is made, and opened",
    protection: "the rules of the devices controller",
    attempt: async (world) => {
      // /dev/loop-control: what is opened is not asked for anything.
      const line = "mknod /tmp/loops c 10 237 && exec 9</tmp/loops && echo opened";
      return (await world.run(`(${line}) 2>/dev/null`)).output === "opened\n";
    },
    without: {
      program: (program) => ({
        ...program,
        host: program.host.filter(
          (o) =>
            o.op !== "attachDeviceFilter" &&
            !(o.op === "writeFile" && /\/devices\.(deny|allow)$/.test(o.path)),
        ),
      }),
    },
  },
  {
    ids: ["CVE-2021-41091", "CVE-2024-25621", "CVE-2021-21284"],
    shape:
      "users of the machine, or whom a container's root is mapped to, reach the engine's state",
    protection: "the state root is its owner's alone",
    attempt: async (world) => {
      const root = join(world.base, "root");
      chmodSync(world.base, 0o755);
      if (!existsSync(join(root, "state.db"))) await world.image();
      return [65_534, 100_000].some((id) => {
        return spawnSync("ls", [root], { uid: id, gid: id }).status === 0;
      });
    },
    without: { machine: (world) => chmodSync(join(world.base, "root"), 0o755) },
  },
];
