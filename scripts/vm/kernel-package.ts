// Debian's own kernels, taken out of their packages: a kernel and its modules below the user's
// cache, none of them installed on this machine. Other suites than this machine's are asked for
// through lists of their own, so that its apt does not learn of them.

import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** A Debian suite by name, and what its kernel is there to show. */
export interface Suite {
  readonly name: string;
  readonly shows: string;
}

export const SUITES: readonly Suite[] = [
  { name: "bookworm", shows: "6.1: unpacked layers, overlays by mount(2)" },
  { name: "bookworm-backports", shows: "6.12: EROFS over loop devices" },
];

export interface BootableKernel {
  readonly release: string;
  readonly image: string;
  /** /lib/modules/RELEASE, with modules.dep. */
  readonly modules: string;
}

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

function cache(): string {
  const base = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  const folder = join(base, "nacre-test-kernels");
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Options that let apt work on lists and packages below a folder. */
function aptOf(folder: string, suite: string): string[] {
  const source = join(folder, "sources.list");
  for (const part of ["lists/partial", "cache/archives/partial"]) {
    mkdirSync(join(folder, part), { recursive: true });
  }
  writeFileSync(source, `deb [signed-by=${KEYRING}] http://deb.debian.org/debian ${suite} main\n`);
  const options = {
    "Dir::Etc::sourcelist": source,
    "Dir::Etc::sourceparts": "-",
    "Dir::State::Lists": join(folder, "lists"),
    "Dir::Cache": join(folder, "cache"),
    "APT::Sandbox::User": "root",
  };
  return Object.entries(options).flatMap(([key, value]) => ["-o", `${key}=${value}`]);
}

const said = (command: string, args: readonly string[], cwd?: string): string =>
  execFileSync(command, args, {
    encoding: "utf8",
    ...(cwd && { cwd }),
    stdio: ["ignore", "pipe", "inherit"],
  });

/** `linux-image-6.1.0-56-amd64`: what the suite's meta package stands for now. */
function packageOf(apt: readonly string[]): string {
  const depends = said("apt-cache", [...apt, "depends", "linux-image-amd64"]);
  const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
  if (!name) throw new Error(`linux-image-amd64 depends on no kernel:\n${depends}`);
  return name;
}

function bootable(folder: string): BootableKernel {
  const lib = [join(folder, "lib/modules"), join(folder, "usr/lib/modules")].find(existsSync);
  const [release] = lib ? readdirSync(lib) : [];
  if (!lib || !release) throw new Error(`${folder} holds no kernel's modules`);
  return {
    release,
    image: join(folder, "boot", `vmlinuz-${release}`),
    modules: join(lib, release),
  };
}

/** The kernel of a suite; downloaded (70 to 110 MB) unless that version is there already. */
export function fetchKernel(suite: string): BootableKernel {
  const lists = mkdtempSync(join(cache(), ".lists-"));
  const temporary = mkdtempSync(join(cache(), ".taking-"));
  try {
    const apt = aptOf(lists, suite);
    said("apt-get", [...apt, "-qq", "update"]);
    const name = packageOf(apt);
    const final = join(cache(), name);
    if (existsSync(final)) return bootable(final);
    said("apt-get", [...apt, "-qq", "download", name], lists);
    const [archive] = readdirSync(lists).filter((file) => file.endsWith(".deb"));
    said("dpkg-deb", ["-x", join(lists, archive ?? ""), temporary]);
    const { release } = bootable(temporary);
    said("busybox", ["depmod", "-b", temporary, release]);
    renameSync(temporary, final);
    return bootable(final);
  } finally {
    for (const folder of [lists, temporary]) rmSync(folder, { recursive: true, force: true });
  }
}
