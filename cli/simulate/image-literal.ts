// An image written down in a test: files by path, and what a Dockerfile would say of the process.

import type { Core } from "@nacre/core/core.ts";
import { sha256Digest } from "@nacre/core/digest.ts";
import { type ImageConfig, type ImageProcess, MEDIA } from "@nacre/core/oci/image.ts";
import { programFile } from "@nacre/simulated/exec.ts";
import type { SimulatedProgram } from "@nacre/simulated/program.ts";
import { type TarEntry, tarOf } from "./tar.ts";

/** A file of an image: its content, a program, or either with what is special about it. */
export type FileLiteral =
  | string
  | Uint8Array
  | SimulatedProgram
  | {
      readonly content?: string | Uint8Array | SimulatedProgram;
      /** A symbolic link, in place of content. */
      readonly link?: string;
      readonly directory?: true;
      /** 0644; 0755 for programs and directories. */
      readonly mode?: number;
      readonly uid?: number;
      readonly gid?: number;
    };

/** By absolute path. Directories on the way need not be named. */
export type FilesLiteral = Readonly<Record<string, FileLiteral>>;

export interface ImageLiteral {
  /** The top layer. */
  readonly files?: FilesLiteral;
  /** Those below it, bottom first: files, or the bytes of a tar, compressed with gzip or not. */
  readonly layers?: readonly (FilesLiteral | Uint8Array)[];
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly user?: string;
  readonly workingDirectory?: string;
  readonly volumes?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly stopSignal?: string;
}

/** An image as a registry has it. */
export interface LiteralImage {
  readonly manifest: Uint8Array;
  readonly digest: string;
  readonly blobs: ReadonlyMap<string, Uint8Array>;
}

const encoder = new TextEncoder();
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Takes a program in, and tells the name that the file must bear for it. */
export type Register = (path: string, program: SimulatedProgram) => string;

function entryOf(path: string, literal: FileLiteral, register: Register): TarEntry {
  const isContent =
    typeof literal === "string" || literal instanceof Uint8Array || typeof literal === "function";
  const file = isContent ? { content: literal } : literal;
  const { content = "", link, directory, mode, uid = 0, gid = 0 } = file;
  const owned = { path: path.replace(/^\/+/, ""), uid, gid };
  if (link !== undefined) return { ...owned, type: "symlink", mode: 0o777, target: link };
  if (directory) return { ...owned, type: "directory", mode: mode ?? 0o755 };
  const program = typeof content === "function";
  const text = program ? programFile(register(path, content)) : content;
  const bytes = typeof text === "string" ? encoder.encode(text) : text;
  return { ...owned, type: "file", mode: mode ?? (program ? 0o755 : 0o644), content: bytes };
}

/** The tar of a layer, with the directories that its paths go through. */
export function layerTar(files: FilesLiteral, register: Register): Uint8Array<ArrayBuffer> {
  const entries = new Map<string, TarEntry>();
  for (const [path, literal] of Object.entries(files)) {
    const entry = entryOf(path, literal, register);
    entries.set(entry.path, entry);
  }
  for (const path of [...entries.keys()]) {
    for (let at = path.indexOf("/"); at > 0; at = path.indexOf("/", at + 1)) {
      const above = path.slice(0, at);
      if (entries.has(above)) continue;
      const mode = above === "tmp" || above === "var/tmp" ? 0o1777 : 0o755;
      entries.set(above, { path: above, type: "directory", mode, uid: 0, gid: 0 });
    }
  }
  return tarOf([...entries.values()].sort((a, b) => (a.path < b.path ? -1 : 1)));
}

function processOf(literal: ImageLiteral): ImageProcess {
  const { entrypoint, command, user, workingDirectory, volumes, labels, stopSignal } = literal;
  const environment = { PATH: DEFAULT_PATH, ...literal.environment };
  return {
    Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    ...(entrypoint && { Entrypoint: entrypoint }),
    ...(command && { Cmd: command }),
    ...(user !== undefined && { User: user }),
    ...(workingDirectory !== undefined && { WorkingDir: workingDirectory }),
    ...(volumes && { Volumes: Object.fromEntries(volumes.map((path) => [path, {}])) }),
    ...(labels && { Labels: labels }),
    ...(stopSignal !== undefined && { StopSignal: stopSignal }),
  };
}

async function uncompressed(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return Uint8Array.from(bytes);
  const gunzip = new DecompressionStream("gzip");
  const plain = new Blob([Uint8Array.from(bytes)]).stream().pipeThrough(gunzip);
  return new Uint8Array(await new Response(plain).arrayBuffer());
}

/** The same literal gives the same bytes, and so the same digests. */
export async function buildLiteral(
  core: Core,
  literal: ImageLiteral,
  architecture: string,
  register: Register,
): Promise<LiteralImage> {
  const blobs = new Map<string, Uint8Array>();
  const add = (bytes: Uint8Array): string => {
    const digest = sha256Digest(core, bytes);
    blobs.set(digest, bytes);
    return digest;
  };
  const layers: { mediaType: string; digest: string; size: number }[] = [];
  for (const layer of [...(literal.layers ?? []), literal.files ?? {}]) {
    const tar = layer instanceof Uint8Array ? await uncompressed(layer) : layerTar(layer, register);
    layers.push({ mediaType: MEDIA.ociLayer, digest: add(tar), size: tar.length });
  }
  const config: ImageConfig = {
    architecture,
    os: "linux",
    config: processOf(literal),
    rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) },
  };
  const configBytes = encoder.encode(JSON.stringify(config));
  const manifest = encoder.encode(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA.ociManifest,
      config: { mediaType: MEDIA.ociConfig, digest: add(configBytes), size: configBytes.length },
      layers,
    }),
  );
  return { manifest, digest: sha256Digest(core, manifest), blobs };
}
