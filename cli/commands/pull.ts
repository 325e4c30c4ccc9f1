import type { Engine } from "@nacre/engine/engine.ts";
import { command } from "../command.ts";
import { FlagError } from "../flag-error.ts";
import type { Host } from "../host.ts";
import { familiarName, referenceOf } from "../image-name.ts";
import { interruptible } from "../interruption.ts";
import { flag, list } from "../options.ts";
import { PLATFORM_PARTS, platformOfParts } from "../platform-options.ts";
import { PullDisplay } from "../pull-display.ts";
import { contentTrust, tlsVerify } from "../registry-options.ts";
import { shownWhile } from "../shown-while.ts";
import { neutralise } from "../text/escape.ts";

interface Wanted {
  readonly allPlatforms: boolean;
  readonly platform: readonly string[];
  readonly quiet: boolean;
  readonly tlsVerify: boolean;
}

export default command({
  usage: "[OPTIONS] NAME[:TAG|@DIGEST]",
  description:
    "Layers come in parallel, each verified against its digest; a pull that broke off goes on where it stopped. What is here already is not fetched again. Images for several platforms stay under one name; where nobody says which, this machine's is meant.",
  options: {
    allPlatforms: flag(
      ["all-platforms"],
      "All platforms of a multi-platform image, with the attestations beside them",
    ),
    disableContentTrust: contentTrust,
    allTags: flag(["all-tags", "a"], "All tags of the repository"),
    platform: list(
      ["platform"],
      "os/arch",
      "The platform to choose from a multi-platform image; may be repeated",
      (word) => word,
    ),
    ...PLATFORM_PARTS,
    quiet: flag(["quiet", "q"], "Print the image's name only"),
    tlsVerify,
  },
  operands: { least: 1, most: 1 },
  interspersed: true,
  suggest: ["images"],
  failure: 1,
  examples: [
    ["nacre pull debian:12", "from Docker Hub"],
    ["nacre pull --platform linux/arm64 ghcr.io/owner/app", "for another machine"],
    ["nacre pull --all-platforms debian:12", "all of it, to be pushed elsewhere as it is"],
  ],
  async run(context, { allTags, ...values }, [name]) {
    const { host } = context;
    const parts = platformOfParts(values, values.platform.length > 0);
    const wanted = { ...values, platform: parts === undefined ? values.platform : [parts] };
    const tagged = /[:@][^/]*$/.test(name!);
    if (allTags && tagged) throw new FlagError("tag can't be used with --all-tags/-a");
    if (wanted.allPlatforms && wanted.platform.length > 0) {
      throw new FlagError("--platform and --all-platforms exclude each other");
    }
    const engine = await context.engine();
    let told = tagged;
    const begins = (): void => {
      if (!told) host.print("Using default tag: latest\n");
      told = true;
    };
    return interruptible(host, async (signal) => {
      if (!allTags) {
        host.print(`${neutralise(await pull(engine, host, name!, wanted, signal, begins))}\n`);
        return 0;
      }
      const reach = { insecure: !wanted.tlsVerify, signal };
      const tags = await engine.registries.tags(name!, reach);
      let pulled = "";
      for (const tag of tags) {
        pulled = await pull(engine, host, `${name}:${tag}`, wanted, signal);
        if (wanted.quiet) host.print(`${neutralise(familiarName(pulled))}\n`);
      }
      if (!wanted.quiet && pulled !== "") host.print(`${neutralise(referenceOf(pulled).name)}\n`);
      return 0;
    });
  },
});

/** The platforms that are wanted of one name, and what a person is told of them. Returns its whole name. */
async function pull(
  engine: Engine,
  host: Host,
  name: string,
  { allPlatforms, platform, quiet, tlsVerify }: Wanted,
  signal: AbortSignal,
  begins?: () => void,
): Promise<string> {
  let reference = name;
  for (const one of platform.length > 0 ? platform : [undefined]) {
    const display = quiet ? undefined : new PullDisplay(host, 1, begins);
    const options = {
      ...{ insecure: !tlsVerify, signal },
      ...(allPlatforms && { allPlatforms }),
      ...(one !== undefined && { platform: one }),
    };
    const pulled = await shownWhile(engine, display, () => engine.images.pull(name, options));
    reference = pulled.reference;
    const familiar = neutralise(referenceOf(reference).familiar());
    const status = pulled.changed ? "Downloaded newer image for" : "Image is up to date for";
    if (!quiet) host.print(`Digest: ${pulled.digest}\nStatus: ${status} ${familiar}\n`);
  }
  return reference;
}
