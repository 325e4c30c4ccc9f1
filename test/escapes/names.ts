// Escapes by names that a container or an image has made, where the engine itself reads and writes:
// copies, volumes, its own files in a root, builds.

import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { tar } from "../images/tar.ts";
import { bindOf, type Escape, followed, type Removal } from "./escape.ts";
import type { World } from "./world.ts";

const canaryLink = ({ canary }: World, name: string) =>
  ({ name, type: "symlink", link: canary }) as const;

async function* oneFile(name: string): AsyncGenerator<Uint8Array> {
  yield tar([{ name, content: "x" }]);
}

/** What a build of these lines over the image says; undefined where it fails. */
async function built(world: World, lines: readonly string[]): Promise<string | undefined> {
  const image = await world.image();
  const text = [`FROM ${image} AS base`, ...lines].join("\n");
  let said = "";
  try {
    await world.engine.builds.build({
      context: { files: {} },
      dockerfileText: { name: "Dockerfile", text },
      network: "none",
      onEvent: (event) => {
        if (event.type === "output") said += new TextDecoder().decode(event.bytes);
      },
    });
    return said;
  } catch {
    return undefined;
  }
}

/** `/dev/pts` of the container is somebody's directory, with a link to the machine's terminals. */
const FOREIGN_TERMINAL: Removal = {
  source: [
    [
      "process.c",
      'k_openat2(self.root, "/dev/pts/ptmx", O_RDWR | O_NOCTTY, how)',
      "open(EVIL, O_RDWR)",
    ],
    ["process.c", "int open_terminal(", '#define EVIL "/dev/ptmx"\nint open_terminal('],
    ["process.c", "uint64_t how = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;", ""],
    ["process.c", "if (s.f_type != DEVPTS_SUPER_MAGIC)", "if (0)"],
  ],
};

export const NAMES: readonly Escape[] = [
  {
    ids: ["CVE-2018-15664", "CVE-2019-10152", "CVE-2021-41089"],
    shape: "cp writes to where a link of the container leads",
    protection: "names are resolved once, by openat2(2) with RESOLVE_IN_ROOT",
    attempt: async (world) => {
      const image = await world.image([canaryLink(world, "through")]);
      const id = await world.background("sleep 60", { image });
      await using files = await world.engine.containers.files(id);
      await files.write("/", oneFile("through/planted")).catch(() => undefined);
      return !world.untouched();
    },
    without: followed("through"),
  },
  {
    ids: ["CVE-2025-24965", "CVE-2015-3629", "CVE-2019-18837"],
    shape: "a file that the engine puts into a root goes where a link of the image leads",
    protection: "the same for /etc/hosts and all that every container gets",
    attempt: async (world) => {
      const image = await world.image([canaryLink(world, "etc")]);
      await world.run("true", { image });
      return !world.untouched();
    },
    without: followed("etc"),
  },
  {
    ids: ["CVE-2024-1753", "CVE-2024-9407", "CVE-2024-11218", "CVE-2024-23651"],
    shape: "the source of a build's mount is a link of the stage that it is taken from",
    protection: "a path below a source is resolved by openat2(2) with RESOLVE_IN_ROOT",
    attempt: async (world) => {
      const said = await built(world, [
        `RUN ln -s ${world.canary} /through`,
        "FROM base",
        "RUN --mount=type=bind,from=0,source=/through,target=/m cat /m/secret",
      ]);
      return said?.includes("the machine's own") ?? false;
    },
    without: followed("through"),
  },
  {
    ids: ["CVE-2025-52565"],
    shape: "the terminal is opened by a name that somebody else has made",
    protection: "it is opened in the root, must be of devpts, and its other end has no name at all",
    attempt: async (world) => {
      const evil = join(world.base, "evil");
      mkdirSync(evil);
      symlinkSync("/dev/ptmx", join(evil, "ptmx"));
      const mounts = [bindOf(evil, "/dev/pts")];
      return (await world.run("test -t 0", { terminal: true, mounts })).code === 0;
    },
    without: FOREIGN_TERMINAL,
  },
];
