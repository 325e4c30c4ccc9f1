// What only ADD can do: fetch, and unpack archives.

import type { ActionOf } from "@nacre/core/dockerfile/instruction.ts";
import { NacreError } from "@nacre/core/error.ts";
import { Sources } from "../roots/archive.ts";
import { remoteBytes } from "../roots/remote-bytes.ts";
import type { CopiedMembers } from "./copy-members.ts";
import { gitContext, isGitAddress } from "./git-context.ts";
import { pathOf, resolve, type SourceTree } from "./source-tree.ts";
import type { StepContext } from "./stage-steps.ts";

/** Whether ADD fetches it, by HTTP or by Git, and does not look in the context. */
export const isAddress = (source: string): boolean =>
  /^https?:\/\//.test(source) || isGitAddress(source);

type Add = ActionOf<"ADD">;

/** Adds what an address has, or what a file of the context is: unpacked, if it is an archive. */
export async function addSource(
  source: string,
  action: Add,
  members: CopiedMembers,
  context: StepContext,
  tree?: SourceTree,
): Promise<void> {
  if (tree) return addLocal(tree, source, members, context);
  const { services } = context.run;
  if (isGitAddress(source)) {
    const directory = await gitContext(services, source);
    members.add(services.contexts.whole(directory), ".");
    return;
  }
  const fetched = await fetchedFile(source, action, context);
  if (action.unpack === true) {
    const contents = contentsOf(fetched.tree, fetched.name, context);
    members.addArchive(await services.contexts.archive(source, contents));
  } else members.addFile(fetched.tree, fetched.name, fetched.name);
}

async function addLocal(
  tree: SourceTree,
  source: string,
  members: CopiedMembers,
  context: StepContext,
): Promise<void> {
  const found = /[*?[\\]/.test(source) ? undefined : resolve(tree, pathOf(source));
  const isFile = found !== undefined && tree.at(found)?.header.kind === "file";
  if (!isFile || !(await isArchive(tree, found, context))) {
    members.add(tree, source);
    return;
  }
  const archive = await context.run.services.contexts.archive(
    `the archive ${source}`,
    contentsOf(tree, found, context),
  );
  members.addArchive(archive);
}

/** Magic numbers: gzip, zstd, bzip2, xz; and `ustar` in the first block of a tar. */
const COMPRESSED = [
  [0x1f, 0x8b],
  [0x28, 0xb5, 0x2f, 0xfd],
  [0x42, 0x5a, 0x68],
  [0xfd, 0x37, 0x7a, 0x58, 0x5a],
];

async function isArchive(tree: SourceTree, path: string, context: StepContext): Promise<boolean> {
  for await (const first of contentsOf(tree, path, context)) {
    const begins = COMPRESSED.some((magic) => magic.every((byte, at) => first[at] === byte));
    return begins || new TextDecoder("latin1").decode(first.subarray(257, 262)) === "ustar";
  }
  return false;
}

async function* contentsOf(
  tree: SourceTree,
  path: string,
  { run }: StepContext,
): AsyncGenerator<Uint8Array> {
  const contents = tree.at(path)?.contents;
  const sources = new Sources(run.services.files, tree.places);
  try {
    const source = contents && (await sources.open(contents));
    if (source) yield* source.read();
  } finally {
    await sources.close();
  }
}

interface Fetched {
  readonly tree: SourceTree;
  readonly name: string;
}

/** A file from an HTTP server. Its name is the address's last part. NacreError `corrupt` for another checksum. */
async function fetchedFile(
  address: string,
  { checksum, target }: Add,
  { run }: StepContext,
): Promise<Fetched> {
  const { fetch, files, codec, scratch } = run.services;
  const url = new URL(address);
  const name = decodeURIComponent(url.pathname.split("/").at(-1) ?? "");
  if (name === "" && target.endsWith("/")) {
    throw new NacreError("invalid", `${address} ends with no file name, and ${target} names none`, {
      advice: "Name the file in the target.",
    });
  }
  const algorithm = checksum?.startsWith("sha512:") ? "sha512" : "sha256";
  const hasher = codec.hasher(algorithm);
  const directory = scratch.place();
  const writer = await files.create(`${directory}/fetched`);
  try {
    for await (const part of remoteBytes(fetch, url)) {
      hasher.update(part);
      await writer.write(part);
    }
    await writer.commit();
  } finally {
    await writer.discard();
  }
  const found = hasher.digest();
  if (checksum !== undefined && checksum !== found) {
    throw new NacreError("corrupt", `${address} has the checksum ${found}, not ${checksum}`, {
      advice: "Somebody has changed it, or the checksum is that of another version.",
    });
  }
  return {
    tree: new OneFile(address, directory, name === "" ? "fetched" : name, writer.sizeBytes),
    name: name === "" ? "fetched" : name,
  };
}

/** A file of the scratch directory under the name that it is to have. */
class OneFile implements SourceTree {
  readonly label: string;
  readonly places: SourceTree["places"];
  readonly identity = "";
  readonly #name: string;
  readonly #sizeBytes: number;

  constructor(label: string, directory: string, name: string, sizeBytes: number) {
    this.label = label;
    this.places = { upper: directory, layers: [] };
    this.#name = name;
    this.#sizeBytes = sizeBytes;
  }

  at(path: string): ReturnType<SourceTree["at"]> {
    if (path !== this.#name) return undefined;
    const own = { mode: 0o600, uid: 0, gid: 0, mtimeSeconds: 0, sizeBytes: this.#sizeBytes };
    return {
      header: { path: new TextEncoder().encode(path), kind: "file", ...own },
      contents: { from: "storage", path: new TextEncoder().encode("fetched") },
    };
  }

  names(path: string): readonly string[] {
    return path === "" ? [this.#name] : [];
  }

  /** Whoever asks again may be given something else. */
  seen(): undefined {
    return undefined;
  }
}
