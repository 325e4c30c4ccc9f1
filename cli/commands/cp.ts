import { NacreError } from "@nacre/core/error.ts";
import { type CopyPlan, planCopy, splitPath } from "@nacre/engine/copies/copy-rules.ts";
import type { ContainerFiles, CopiedEntry } from "@nacre/engine/engine.ts";
import { type Context, command } from "../command.ts";
import { type CopyOperand, copyOperand } from "../copy-operand.ts";
import type { Host } from "../host.ts";
import { interruptible } from "../interruption.ts";
import type { LocalFile, LocalFiles } from "../local-files.ts";
import { flag } from "../options.ts";
import { neutralise } from "../text/escape.ts";
import { humanSize } from "../text/size.ts";

interface Values {
  readonly archive: boolean;
  readonly followLink: boolean;
  readonly quiet: boolean;
}

export default command({
  usage: "[OPTIONS] [CONTAINER:]SRC|- [CONTAINER:]DEST|-",
  description:
    "Copies files between a container, whether it runs or not, and this machine. A directory is copied with all that it holds; SRC/. is what it holds alone. A DEST that is a directory gets the copy under its own name, one that is not there becomes it. With - a tar goes to standard output, or is unpacked from standard input. What is copied into a container keeps its owners by number; what is copied out of it is yours.",
  options: {
    archive: flag(["archive", "a"], "Into a container: all of it becomes the container's user's"),
    followLink: flag(["follow-link", "L"], "Copy what a symbolic link at SRC leads to"),
    quiet: flag(["quiet", "q"], "Do not say on a terminal how much was copied"),
  },
  operands: { least: 2, most: 2 },
  interspersed: true,
  suggest: ["copyable"],
  failure: 1,
  examples: [
    ["nacre cp web:/var/log/nginx .", "a directory, out of a container"],
    ["nacre cp site/. web:/srv/www", "what a directory holds, into one"],
    ["nacre cp web:/etc - | tar -t", "as a tar"],
  ],
  async run(context, values, [from, to]) {
    const { host } = context;
    const [source, destination] = operandsOf(from!, to!, host);
    return interruptible(host, async (signal) => {
      const name = (source.container ?? destination.container)!;
      await using files = await (await context.engine()).containers.files(name);
      const outward = source.container !== undefined;
      const work = outward ? copyOut : copyIn;
      const copy = { context, files, values, signal, source, destination };
      const copied = await work(copy);
      if (copied === undefined || values.quiet || !host.isTerminal(1)) return 0;
      const where = outward ? destination.path : `${name}:${destination.path}`;
      host.printError(`Successfully copied ${humanSize(copied, 3)} to ${where}\n`);
      return 0;
    });
  },
});

interface Copy {
  readonly context: Context;
  readonly files: ContainerFiles;
  readonly values: Values;
  readonly signal: AbortSignal;
  readonly source: CopyOperand;
  readonly destination: CopyOperand;
}

/** @throws NacreError `invalid`, with docker's words */
function operandsOf(from: string, to: string, host: Host): [CopyOperand, CopyOperand] {
  if (from === "") throw invalid("source can not be empty");
  if (to === "") throw invalid("destination can not be empty");
  const [source, destination] = [from, to].map((word) => copyOperand(word, host));
  if (source!.container && destination!.container) {
    throw invalid("copying between containers is not supported");
  }
  if (!source!.container && !destination!.container) {
    throw invalid("must specify at least one container source");
  }
  return [source!, destination!];
}

const invalid = (message: string): NacreError => new NacreError("invalid", message);

/** Bytes of the tar that was unpacked. */
async function copyIn(copy: Copy): Promise<number | undefined> {
  const { context, files, values, signal, source } = copy;
  const { host } = context;
  const place = placeOf(files, copy.destination);
  let copied = 0;
  async function* counted(tar: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of tar) {
      if (signal.aborted) throw new NacreError("interrupted", "the copy was interrupted");
      copied += chunk.length;
      yield chunk;
    }
  }
  const options = { ownedByUser: values.archive };
  if (source.path === "-") {
    if (!place.isDirectory) throw mustBeDirectory(copy.destination);
    await files.write(place.path, counted(host.inputBytes("-")), options);
    return undefined;
  }
  const local = localSource(await host.localFiles(), source.path, values.followLink);
  const plan = planCopy({ path: source.path, isDirectory: local.kind === "directory" }, place);
  await files.write(plan.directory, counted(local.archive(plan.name)), options);
  return copied;
}

/** Where a link at the end of DEST leads, and what is there. */
function placeOf(files: ContainerFiles, { container, path }: CopyOperand) {
  let place = path;
  let status = files.status(place);
  if (status?.target !== undefined) {
    place = status.target;
    status = files.status(place);
  }
  if (status && status.kind !== "directory" && status.kind !== "file") {
    const shown = JSON.stringify(`${container}:${path}`);
    throw new NacreError("invalid", `destination ${shown} must be a directory or a regular file`);
  }
  return { path: place, isDirectory: status && status.kind === "directory" };
}

function mustBeDirectory({ container, path }: CopyOperand): NacreError {
  const shown = JSON.stringify(`${container}:${path}`);
  return new NacreError("invalid", `destination ${shown} must be a directory`, {
    advice: "A tar is unpacked into a directory that is there.",
  });
}

function localSource(local: LocalFiles, path: string, follow: boolean): LocalFile {
  const found = local.find(path.endsWith("/.") ? path.slice(0, -1) : path, follow);
  if (found?.kind !== undefined) return found;
  const bare = path.replace(/\/\.?$/, "");
  const exists = bare !== path && local.find(bare, true)?.kind !== undefined;
  const kind = exists ? "invalid" : "not-found";
  throw new NacreError(
    kind,
    `${path}: ${exists ? "not a directory" : "no such file or directory"}`,
  );
}

/** Bytes that a tar of it would have. */
async function copyOut(copy: Copy): Promise<number | undefined> {
  const { context, files, values, signal, source, destination } = copy;
  const { host } = context;
  const followed = values.followLink ? files.status(source.path)?.target : undefined;
  const path = followed ?? source.path;
  if (destination.path === "-") {
    if (host.isTerminal(1)) {
      throw new NacreError("invalid", "a tar is not written to a terminal", {
        advice: "Redirect standard output, or name a place for the copy.",
      });
    }
    for await (const chunk of files.read(path)) {
      if (signal.aborted) break;
      host.printBytes(chunk);
    }
    return undefined;
  }
  const local = await host.localFiles();
  const plan = planOut(copy, path, local);
  let copied = TAR_END_BYTES;
  async function* counted(): AsyncGenerator<CopiedEntry> {
    for await (const entry of files.entries(path)) {
      copied += BLOCK_BYTES + Math.ceil(entry.entry.sizeBytes / BLOCK_BYTES) * BLOCK_BYTES;
      yield entry;
    }
  }
  const left = await local.extract(plan.directory, plan.name, counted(), signal);
  for (const each of left) {
    host.printError(`nacre: ${neutralise(each)} cannot be made here: left out\n`);
  }
  return copied;
}

const BLOCK_BYTES = 512;
const TAR_END_BYTES = 2 * BLOCK_BYTES;

/** @throws NacreError before anything is made */
function planOut({ files, source, destination }: Copy, path: string, local: LocalFiles): CopyPlan {
  const bare = destination.path.replace(/(.)\/\.?$/, "$1");
  const { directory } = splitPath(bare);
  if (local.find(`${directory}/`, true)?.kind !== "directory") {
    throw new NacreError(
      "not-found",
      `invalid output path: directory ${JSON.stringify(directory)} does not exist`,
    );
  }
  const there = local.find(destination.path, true)?.kind;
  const status = files.status(path);
  const isDirectory = there === undefined ? undefined : there === "directory";
  const name = splitPath(source.path).name;
  return planCopy(
    { path, isDirectory: status?.kind === "directory", name },
    { path: destination.path, isDirectory },
  );
}
