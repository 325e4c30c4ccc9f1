import type { Engine } from "@nacre/engine/engine.ts";
import { command } from "../command.ts";
import { FlagError } from "../flag-error.ts";
import type { Host } from "../host.ts";
import { referenceOf } from "../image-name.ts";
import { interruptible } from "../interruption.ts";
import { alsoNamed, choice, flag, text, value } from "../options.ts";
import { parseDiskBytes } from "../parse/bytes.ts";
import { PushDisplay } from "../push-display.ts";
import { contentTrust, tlsVerify } from "../registry-options.ts";
import { shownWhile } from "../shown-while.ts";
import { neutralise } from "../text/escape.ts";

interface Wanted {
  readonly quiet: boolean;
  readonly tlsVerify: boolean;
  readonly compression: "gzip" | "zstd" | "none" | undefined;
  readonly chunkSize: number | undefined;
  readonly platform: string | undefined;
}

export default command({
  usage: "[OPTIONS] NAME[:TAG]",
  description:
    "Sends an image to the registry that its name says. Blobs go byte for byte as they came, several at once; what the registry has, also in another repository, is not sent again, and where a connection breaks the rest is sent.",
  options: {
    disableContentTrust: contentTrust,
    allTags: flag(["all-tags", "a"], "Push all tags of the repository"),
    chunkSize: value(
      ["chunk-size"],
      "bytes",
      "Send layers in parts of this size, where something on the way takes no more at once",
      parseDiskBytes,
    ),
    compression: alsoNamed(
      "compression-format",
      choice(
        ["compression"],
        ["gzip", "zstd", "none"] as const,
        "Compress layers anew that are not compressed so",
      ),
    ),
    platform: text(
      ["platform"],
      "os/arch",
      "Push only the image for this platform, where a name has several",
    ),
    quiet: flag(["quiet", "q"], "Print the image's name only"),
    tlsVerify,
  },
  operands: { least: 1, most: 1 },
  interspersed: true,
  suggest: ["images"],
  failure: 1,
  examples: [
    ["nacre push registry.example/team/app:1", "what was tagged so"],
    ["nacre push --compression zstd registry.example/team/app:1", "smaller, and faster to pull"],
  ],
  async run(context, { allTags, ...wanted }, [name]) {
    const { host } = context;
    const tagged = /[:@][^/]*$/.test(name!);
    if (allTags && tagged) throw new FlagError("tag can't be used with --all-tags/-a");
    const engine = await context.engine();
    const names = allTags ? tagsOf(engine, name!) : [name!];
    if (!allTags && !wanted.quiet && !tagged) {
      host.print("Using default tag: latest\n");
    }
    return interruptible(host, async (signal) => {
      for (const one of names) await push(engine, host, one, wanted, signal);
      return 0;
    });
  },
});

/** Every name of the repository that `name` names. */
function tagsOf(engine: Engine, name: string): string[] {
  const references = engine.images.list().flatMap((image) => image.references);
  const tagged = references.map(({ reference }) => referenceOf(reference));
  const wanted = tagged.filter((one) => one.name === name || one.familiarName === name);
  const found = wanted.filter(({ tag }) => tag !== undefined).map(String);
  // The engine says what is wrong with a name that nothing has.
  return found.length > 0 ? found : [name];
}

async function push(
  engine: Engine,
  host: Host,
  name: string,
  { quiet, tlsVerify, compression, chunkSize, platform }: Wanted,
  signal: AbortSignal,
): Promise<void> {
  const display = quiet ? undefined : new PushDisplay(host);
  const options = {
    ...{ insecure: !tlsVerify, signal },
    ...(platform !== undefined && { platform }),
    ...(compression !== undefined && { compression }),
    ...(chunkSize !== undefined && { chunkBytes: chunkSize }),
  };
  const { reference, digest, sizeBytes } = await shownWhile(engine, display, () =>
    engine.images.push(name, options),
  );
  const { tag } = referenceOf(reference);
  host.print(
    quiet
      ? `${neutralise(reference)}\n`
      : `${neutralise(tag ?? "")}: digest: ${digest} size: ${sizeBytes}\n`,
  );
}
