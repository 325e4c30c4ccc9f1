// Checks of the root, its mounts, devices and paths (config.md, "Root", "Mounts"; config-linux.md).

import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { demand, type ValidationBench } from "./bench.ts";
import type { Check } from "./check.ts";
import { type Config, inAllSets } from "./config.ts";
import { foundInside } from "./inside.ts";
import { capabilitiesHere } from "./machine.ts";

/** A directory with a directory with a file; files beside all of them. */
function nested(word: string): { readonly paths: string[]; prepare(root: string): void } {
  const [top, sub, file] = [`/${word}-dir`, `/${word}-dir/${word}-sub`, `${word}-file`];
  const files = [`/${file}`, `${top}/${file}`, `${sub}/${file}`];
  return {
    paths: [top, `/${file}`, sub, ...files.slice(1)],
    prepare(root) {
      mkdirSync(join(root, sub), { recursive: true, mode: 0o777 });
      writeFileSync(join(root, sub, "more"), "more\n");
      for (const path of files) writeFileSync(join(root, path), "secrets\n", { mode: 0o777 });
    },
  };
}

type Paths = "maskedPaths" | "readonlyPaths";

async function paths(bench: ValidationBench, field: Paths, word: string): Promise<void> {
  const tree = nested(word);
  await foundInside(bench, {
    change: ({ linux }) => {
      linux[field] = tree.paths;
    },
    prepare: tree.prepare,
  });
  const path = `/${word}-node`;
  for (const kind of [["b", "0", "0"], ["c", "0", "0"], ["p"]]) {
    await foundInside(bench, {
      change: ({ linux }) => {
        linux[field] = [path];
      },
      prepare: (root) => execFileSync("mknod", ["-m", "666", join(root, path), ...kind]),
    });
  }
}

/** What a mount in the root does where the root is bound: it is seen there if the root is shared. */
const SPREAD = [
  "mkdir /target /mount /test && touch /test/file",
  "mount --rbind / /target 2>/tmp/error || { cat /tmp/error; echo unbindable; exit 0; }",
  "mount --rbind /test /mount",
  "[ -e /target/mount/file ] && echo exposed || echo hidden",
].join("\n");

async function spread(bench: ValidationBench, mode: string, wanted: string): Promise<void> {
  const made = bench.prepared(SPREAD, (config: Config) => {
    config.linux.rootfsPropagation = mode;
    if (config.process) config.process.capabilities = inAllSets(capabilitiesHere());
  });
  const output = await bench.lived(made);
  const found = output.trim().split("\n").at(-1);
  demand(found === wanted, `${mode}: ${output}`);
}

const OWN = { fileMode: 0o660, uid: 0, gid: 0 };

export const ROOT: readonly Check[] = [
  {
    name: "root_readonly_true",
    asks: "a root that is to be read-only is",
    holds: (bench) =>
      foundInside(bench, {
        change: ({ root }) => {
          root.readonly = true;
        },
      }),
  },
  {
    name: "mounts",
    asks: "mounts are made, in their order",
    holds: (bench) =>
      foundInside(bench, {
        change: ({ mounts }) => {
          const options = ["nosuid", "strictatime", "mode=755", "size=1k"];
          mounts.push({ destination: "/tmp", type: "tmpfs", source: "tmpfs", options });
        },
      }),
  },
  {
    name: "linux_devices",
    asks: "devices have their numbers, modes and owners",
    holds: (bench) =>
      foundInside(bench, {
        change: ({ linux }) => {
          linux.devices = [
            { path: "/dev/test1", type: "c", major: 10, minor: 666, ...OWN },
            { path: "/dev/test2", type: "b", major: 8, minor: 666, ...OWN },
            { path: "/dev/test3", type: "p", major: 8, minor: 666, fileMode: 0o660 },
          ];
        },
      }),
  },
  {
    name: "linux_masked_paths",
    asks: "masked paths cannot be read, below one another or nodes that they are",
    holds: (bench) => paths(bench, "maskedPaths", "masked"),
  },
  {
    name: "linux_readonly_paths",
    asks: "read-only paths cannot be written, below one another or nodes that they are",
    holds: (bench) => paths(bench, "readonlyPaths", "readonly"),
  },
  {
    name: "linux_rootfs_propagation",
    asks: "the root is shared, slave, private or unbindable",
    async holds(bench) {
      await spread(bench, "shared", "exposed");
      await spread(bench, "slave", "hidden");
      await spread(bench, "private", "hidden");
      await spread(bench, "unbindable", "unbindable");
    },
  },
  {
    name: "linux_mount_label",
    asks: "a label of mounts is put on where the machine has SELinux; where not, nothing comes of it",
    holds: (bench) =>
      foundInside(bench, {
        change: ({ linux }) => {
          linux.mountLabel = "system_u:object_r:svirt_sandbox_file_t:s0:c715,c811";
        },
      }),
  },
];
