// What a guest boots from: busybox, the modules that its disks and tests need, and a script that
// makes this machine's own root, read-only beneath memory, the guest's.

import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import type { BootableKernel } from "./kernel-package.ts";

/** Those that are built in are not there as files. `crc32c_generic`: what ext4's module asks for by an alias. */
const MODULES: readonly string[] = [
  "virtio_pci",
  "virtio_blk",
  "virtio_rng",
  "9pnet_virtio",
  "9p",
  "overlay",
  "ext4",
  "crc32c_generic",
  "erofs",
  "loop",
];

const plainName = (path: string): string =>
  (basename(path).split(".")[0] ?? "").replaceAll("-", "_");

/** Paths of modules in the order in which they can be loaded. `dependencies`: the text of modules.dep. */
export function loadOrder(dependencies: string, wanted: readonly string[]): string[] {
  const needs = new Map<string, string[]>();
  for (const line of dependencies.split("\n")) {
    const [path, after] = line.split(":", 2);
    if (path && after !== undefined) needs.set(path, after.split(" ").filter(Boolean));
  }
  const byName = new Map([...needs.keys()].map((path) => [plainName(path), path]));
  const order = new Set<string>();
  const add = (path: string): void => {
    if (order.has(path)) return;
    for (const needed of needs.get(path) ?? []) add(needed);
    order.add(path);
  };
  for (const name of wanted) {
    const path = byName.get(name);
    if (path !== undefined) add(path);
  }
  return [...order];
}

const INIT = `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
fail() { echo "the guest cannot $1"; poweroff -f; }
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
next=$(sed 's/.*nacre.next=\\([^ ]*\\).*/\\1/' /proc/cmdline)
for module in $(cat /modules/order); do insmod /modules/$module || fail "load $module"; done
mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=512000,cache=loose machine /machine || fail "mount the machine's root"
mount -t tmpfs memory /memory && mkdir /memory/upper /memory/work
mount -t overlay -o lowerdir=/machine,upperdir=/memory/upper,workdir=/memory/work root /root || fail "mount its root"
mkdir -p /root/state
mount -t ext4 /dev/vda /root/state || fail "mount its disk"
for each in proc sys dev; do mount --move /$each /root/$each; done
mount -t cgroup2 cgroup2 /root/sys/fs/cgroup || fail "mount cgroups"
mount -t tmpfs run /root/run
mkdir -p /root/dev/shm /root/dev/pts
mount -t tmpfs shm /root/dev/shm
mount -t devpts -o ptmxmode=666 devpts /root/dev/pts
ip link set lo up
exec switch_root /root /bin/sh "$next"
`;

/** Writes the archive to `path`, with what it is made of beside it. */
export function writeInitramfs(path: string, kernel: BootableKernel): void {
  const folder = `${path}.d`;
  for (const name of ["bin", "dev", "proc", "sys", "machine", "memory", "root", "modules"]) {
    mkdirSync(join(folder, name), { recursive: true });
  }
  copyFileSync("/bin/busybox", join(folder, "bin/busybox"));
  writeFileSync(join(folder, "init"), INIT);
  chmodSync(join(folder, "init"), 0o755);
  const order = loadOrder(readFileSync(join(kernel.modules, "modules.dep"), "utf8"), MODULES);
  const names = order.map((module) => {
    const source =
      [join(kernel.modules, module), module].find((each) => existsSync(each)) ?? module;
    const name = basename(module).replace(/\.xz$/, "");
    const bytes = source.endsWith(".xz")
      ? execFileSync("xz", ["-dc", source], { maxBuffer: 1 << 28 })
      : readFileSync(source);
    writeFileSync(join(folder, "modules", name), bytes);
    return name;
  });
  writeFileSync(join(folder, "modules/order"), `${names.join("\n")}\n`);
  execFileSync(
    "sh",
    ["-c", 'find . | busybox cpio -o -H newc 2>/dev/null | gzip -1 > "$0"', path],
    {
      cwd: folder,
    },
  );
}
