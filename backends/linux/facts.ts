// What this host's kernel can do. Where its configuration can be read, it says whether EROFS takes
// plain files; elsewhere that is tried on a file that is no image: a kernel that wants a block
// device says ENOTBLK before it has looked into the file. File systems that are not listed are
// asked for through fsopen(2), which loads their modules.
//
// `assume` is a release to behave as: what is known of that kernel is what is found out, so that
// the ways of older kernels can be gone, and tested, on a newer one.

import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import {
  EROFS_FILES_KERNEL,
  EROFS_SMALL_BLOCKS_KERNEL,
  kernelAtLeast,
} from "@nacre/core/kernel-release.ts";
import type { KernelFacts } from "@nacre/core/ports/kernel.ts";
import { encodeProgram } from "@nacre/core/program/wire.ts";
import { readMapLines, type UserMaps } from "@nacre/core/user-namespace/id-map.ts";
import { errnoName } from "./errno.ts";
import { ReportReader } from "./report.ts";

/** OCI's names (GOARCH) for Node's. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  x64: "amd64",
  ia32: "386",
  arm64: "arm64",
  arm: "arm",
  ppc64: "ppc64le",
  riscv64: "riscv64",
  s390x: "s390x",
  loong64: "loong64",
  mips64el: "mips64le",
};

/** CAP_CHOWN … CAP_SETPCAP, NET_ADMIN, SYS_CHROOT, SYS_ADMIN, MKNOD: capabilities(7), by number. */
const NEEDED = [0, 1, 3, 4, 5, 6, 7, 8, 12, 18, 21, 27];

/** The machine's architecture by OCI's name. */
export const ociArchitecture = (): string => ARCHITECTURES[process.arch] ?? process.arch;

/** Whether the effective set in /proc/PID/status has what a container needs. */
export function mayMakeContainers(status: string): boolean {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  return NEEDED.every((number) => (effective >> BigInt(number)) & 1n);
}

/** The errno with which a mount of `type` fails at a target that does not exist. */
function refusal(init: string, type: string, source: string): string {
  const { spawnSync } = process.getBuiltinModule("node:child_process");
  const target = "/proc/nowhere";
  const mount = { type, source, options: [], attributes: [] };
  const message = encodeProgram({ title: "probe", host: [{ op: "mount", mount, target }] });
  const script = 'exec 3<&0 4>&1 </dev/null >/dev/null; exec "$0"';
  const { stdout } = spawnSync("/bin/sh", ["-c", script, init], { input: message });
  const report = new ReportReader().push(stdout)[0];
  return report?.kind === "failed" ? errnoName(report.errno) : "";
}

/** The configuration the kernel was built with, if it or its package tells. */
function configuration(kernel: string): string | undefined {
  try {
    const { gunzipSync } = process.getBuiltinModule("node:zlib");
    return gunzipSync(readFileSync("/proc/config.gz")).toString("latin1");
  } catch {
    // Few kernels carry it; most packages put it beside the kernel.
  }
  try {
    return readFileSync(`/boot/config-${kernel}`, "latin1");
  } catch {
    return undefined;
  }
}

function takesFiles(init: string, kernel: string, privileged: boolean): boolean {
  if (!kernelAtLeast(kernel, EROFS_FILES_KERNEL)) return false;
  const text = configuration(kernel);
  if (text !== undefined) return text.includes("CONFIG_EROFS_FS_BACKED_BY_FILE=y");
  return !privileged || refusal(init, "erofs", init) !== "ENOTBLK";
}

/** The maps of the user namespace that this process is in; undefined in the machine's own. */
export function userNamespace(): UserMaps | undefined {
  const uids = readMapLines(readFileSync("/proc/self/uid_map", "utf8"));
  // The machine's own has every ID, under its own number.
  if (uids.length === 1 && uids[0]?.size === 0xffff_ffff) return undefined;
  return { uids, gids: readMapLines(readFileSync("/proc/self/gid_map", "utf8")) };
}

/** What was found out on this boot, kept because finding out costs as much as starting a container. */
interface KnownFacts {
  readonly boot: string;
  readonly release: string;
  readonly erofs: KernelFacts["erofs"];
}

/** Whether the answer holds for the whole boot: a module that is missing may be loaded any time. */
const isFinal = ({ release, erofs }: Pick<KernelFacts, "release" | "erofs">): boolean =>
  erofs !== "none" || !kernelAtLeast(release, EROFS_SMALL_BLOCKS_KERNEL);

function recall(path: string, boot: string, kernel: string): KnownFacts | undefined {
  try {
    const known = JSON.parse(readFileSync(path, "utf8")) as KnownFacts;
    const sound = known.boot === boot && known.release === kernel;
    return sound && ["files", "loop", "none"].includes(known.erofs) ? known : undefined;
  } catch {
    return undefined;
  }
}

function remember(path: string, known: KnownFacts): void {
  try {
    writeFileSync(`${path}.${process.pid}`, JSON.stringify(known), { mode: 0o600 });
    renameSync(`${path}.${process.pid}`, path);
  } catch {
    // Found out again next time.
  }
}

/** `memory`: a file for what was found out, and the boot it holds for. */
export function probeFacts(
  init: string,
  memory?: { readonly path: string; readonly boot: string },
  assume?: string,
  refused?: string,
): KernelFacts {
  // What os.release() says; to load it takes longer than all else here.
  const kernel = assume ?? readFileSync("/proc/sys/kernel/osrelease", "utf8").trim();
  const privileged = mayMakeContainers(readFileSync("/proc/self/status", "utf8"));
  const maps = userNamespace();
  if (maps || refused) return unprivilegedFacts(init, kernel, privileged, maps, refused);
  const known = memory && recall(memory.path, memory.boot, kernel);
  if (known) {
    const architecture = ociArchitecture();
    return { release: kernel, architecture, privileged, erofs: known.erofs, overlay: true };
  }
  const facts = findOut(init, kernel, privileged);
  if (memory && privileged && facts.overlay && isFinal(facts)) {
    remember(memory.path, { boot: memory.boot, release: kernel, erofs: facts.erofs });
  }
  return facts;
}

/**
 * No user namespace may mount EROFS, whatever the kernel can do. Whether there is an overlay is
 * asked by those who mount one alone: where it is not listed that is a process for every command.
 */
function unprivilegedFacts(
  init: string,
  kernel: string,
  able: boolean,
  maps: UserMaps | undefined,
  refused: string | undefined,
): KernelFacts {
  let overlay: boolean | undefined;
  return {
    release: kernel,
    architecture: ociArchitecture(),
    privileged: able && !refused,
    erofs: "none",
    get overlay() {
      overlay ??= knowsType(init, "overlay", able);
      return overlay;
    },
    ...(maps && { userNamespace: maps }),
    ...(refused && { refusal: refused }),
  };
}

/** Whether the kernel has a type of file system; to ask for it loads its module. */
function knowsType(init: string, type: string, privileged: boolean): boolean {
  const listed = readFileSync("/proc/filesystems", "utf8")
    .split("\n")
    .map((l) => l.split("\t")[1]);
  return listed.includes(type) || (privileged && refusal(init, type, "none") !== "ENODEV");
}

/** What EROFS can be mounted over; its module is not loaded where it would be of no use. */
function erofsOver(
  init: string,
  kernel: string,
  privileged: boolean,
  has: (type: string) => boolean,
): KernelFacts["erofs"] {
  if (!kernelAtLeast(kernel, EROFS_SMALL_BLOCKS_KERNEL) || !has("erofs")) return "none";
  if (takesFiles(init, kernel, privileged)) return "files";
  return existsSync("/dev/loop-control") ? "loop" : "none";
}

function findOut(init: string, kernel: string, privileged: boolean): KernelFacts {
  const has = (type: string): boolean => knowsType(init, type, privileged);
  return {
    release: kernel,
    architecture: ociArchitecture(),
    privileged,
    erofs: erofsOver(init, kernel, privileged, has),
    overlay: has("overlay"),
  };
}
