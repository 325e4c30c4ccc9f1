// Known escapes and denials of parts that are not here, each with a look at what would be there if
// the part were. Where one is not absent any more, it needs a guard or an attempt of its own.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { initBinary } from "@nacre/linux/init-binary.ts";
import { packageRoot } from "../../cli/package-root.ts";

export interface Absence {
  readonly ids: readonly string[];
  readonly shape: string;
  readonly why: string;
  readonly absent: () => boolean;
}

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const ROOMS = ["core", "engine", "backends/linux", "cli", "plugins"];

function sourcesIn(directory: string): string[] {
  return readdirSync(join(ROOT, directory), { withFileTypes: true }).flatMap((entry) => {
    const path = `${directory}/${entry.name}`;
    if (["dist", "node_modules"].includes(entry.name)) return [];
    if (entry.isDirectory()) return sourcesIn(path);
    return path.endsWith(".ts") && !path.endsWith(".d.ts") ? [path] : [];
  });
}

/** Sources that are shipped and have this in them. */
const sourcesWith = (pattern: RegExp): string[] =>
  ROOMS.flatMap(sourcesIn).filter((path) => pattern.test(readFileSync(join(ROOT, path), "utf8")));

const all = (paths: readonly string[], pattern: RegExp): boolean =>
  paths.every((path) => pattern.test(path));

/** A program header of type PT_INTERP: the name of what loads its libraries (elf(5)). */
function hasInterpreter(elf: Buffer): boolean {
  const [offset, size, count] = [
    elf.readBigUInt64LE(32),
    elf.readUInt16LE(54),
    elf.readUInt16LE(56),
  ];
  return Array.from({ length: count }, (_, i) => Number(offset) + i * size).some(
    (at) => elf.readUInt32LE(at) === 3,
  );
}

const networks = (): string[] => readdirSync(join(ROOT, "engine/networks")).sort();
const noBridges = (): boolean => networks().join() === "host.ts,none.ts";

export const ABSENCES: readonly Absence[] = [
  {
    ids: ["CVE-2019-14271"],
    shape: "a helper of cp loads a library of the container's",
    why: "cp starts nacre-init alone, which is static: it loads nothing",
    absent: () => {
      const dist = join(packageRoot(), "dist");
      const init = initBinary({ directories: [dist], sources: join(dist, "native") });
      return !hasInterpreter(readFileSync(init));
    },
  },
  {
    ids: ["CVE-2014-9357"],
    shape: "a program that decompresses is taken from an image",
    why: "no program decompresses: libraries do, in the engine's own process",
    absent: () => {
      const started =
        /credential-helper|launch|kernel|facts|init-binary|local-nodes|process-host|composition|bundle-loader|start|freeze|trial|git/;
      const those = sourcesWith(/child_process/);
      const names = /["'`](xz|gzip|gunzip|pigz|unpigz|bzip2|zstd)["'`]\s*,\s*\[/;
      return all(those, started) && sourcesWith(names).length === 0;
    },
  },
  {
    ids: ["CVE-2014-3499", "CVE-2024-41110"],
    shape:
      "whoever reaches a daemon's socket commands the machine; a request that is authorised is another",
    why: "nothing listens to commands: what listens are registries, to hand out images",
    absent: () => all(sourcesWith(/createServer\(/), /^plugins\/registry\//),
  },
  {
    ids: ["CVE-2020-15257"],
    shape: "a container with the machine's network reaches an abstract socket of the engine's",
    why: "sockets have names in directories of their owner's: none is abstract",
    absent: () => {
      const native = join(ROOT, "backends/linux/native");
      const binds = readdirSync(native).filter((name) =>
        /[^.\w]bind\(/.test(readFileSync(join(native, name), "utf8")),
      );
      const text = readFileSync(join(native, "socket.c"), "utf8");
      return binds.join() === "socket.c" && !/sun_path(\[0\]| \+ 1)/.test(text);
    },
  },
  {
    ids: ["CVE-2022-23471", "CVE-2025-64329"],
    shape: "what is begun again and again leaves something in a daemon each time",
    why: "there is no daemon: each command is a process of its own, and gone with what it had",
    absent: () => all(sourcesWith(/createServer\(/), /^plugins\/registry\//),
  },
  {
    ids: ["CVE-2024-24557"],
    shape: "an image whose history fits is taken for a cached step",
    why: "a step's key is of the contents that it reads; no history is looked at",
    absent: () => !/history/.test(readFileSync(join(ROOT, "engine/build/step-cache.ts"), "utf8")),
  },
  {
    ids: ["CVE-2024-23652"],
    shape: "after a step, its mount points are removed, by names that it may have changed",
    why: "nothing is removed: a mount point is left out when the layer is written",
    absent: () =>
      !/removeTree|\.remove\(/.test(readFileSync(join(ROOT, "engine/build/run-step.ts"), "utf8")),
  },
  {
    ids: ["CVE-2025-9566"],
    shape: "kube play writes through a link of a volume",
    why: "there is no kube",
    absent: () => readdirSync(join(ROOT, "cli/commands")).every((name) => !name.startsWith("kube")),
  },
  {
    ids: ["CVE-2014-0047", "CVE-2013-1813"],
    shape: "files with names that can be foreseen, where everybody may make them",
    why: "all state is below the root, its owner's alone; what is built is built in a directory that mkdtemp(3) makes",
    absent: () => all(sourcesWith(/tmpdir\(\)/), /init-binary|git/),
  },
  {
    ids: ["CVE-2020-13401", "CVE-2020-8558", "CVE-2025-54388", "CVE-2021-20199"],
    shape: "packets of others are taken on a bridge, or for the machine's own",
    why: "networks are none and host: there are no bridges and no published ports",
    absent: noBridges,
  },
  {
    ids: ["CVE-2023-28840", "CVE-2023-28841", "CVE-2023-28842"],
    shape: "packets of an encrypted network are taken in the clear",
    why: "there are no networks between machines",
    absent: () => sourcesWith(/vxlan/i).length === 0,
  },
];
