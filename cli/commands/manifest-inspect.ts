import type { InspectedManifest } from "@nacre/engine/engine.ts";
import { command } from "../command.ts";
import { interruptible } from "../interruption.ts";
import { REACH, reachOf } from "../manifest-options.ts";
import { flag } from "../options.ts";
import { neutraliseLines } from "../text/escape.ts";

const LIST = /manifest\.list|image\.index/;

export default command({
  usage: "[OPTIONS] INDEX|IMAGE",
  description:
    "Shows an index that was made here, or a manifest or an index of a registry, as JSON. With --verbose each manifest that it names, with its descriptor.",
  options: {
    verbose: flag(["verbose", "v"], "Also what an index names"),
    ...REACH,
  },
  operands: { least: 1, most: 1 },
  interspersed: true,
  suggest: ["images"],
  failure: 1,
  examples: [
    ["nacre manifest inspect debian:12", "which platforms there are in the registry"],
    ["nacre manifest inspect -v team/app:1", "with the manifest of each"],
  ],
  async run({ host, engine }, { verbose, ...reach }, [name]) {
    const { indexes } = await engine();
    return interruptible(host, async (signal) => {
      const options = { ...reachOf(reach), signal, children: verbose };
      const found = await indexes.inspect(name!, options);
      const shown = verbose ? verboseOf(found) : parsed(found);
      host.print(`${neutraliseLines(JSON.stringify(shown, null, 3))}\n`);
      return 0;
    });
  },
});

function verboseOf(found: InspectedManifest): unknown {
  return LIST.test(found.mediaType) ? found.children.map(entryOf) : entryOf(found);
}

/** As docker shows one. */
function entryOf(one: InspectedManifest): Record<string, unknown> {
  const { reference, mediaType, digest, bytes, platform } = one;
  const field = mediaType.startsWith("application/vnd.docker.")
    ? "SchemaV2Manifest"
    : "OCIManifest";
  return {
    Ref: reference,
    Descriptor: { mediaType, digest, size: bytes.length, ...(platform && { platform }) },
    Raw: Buffer.from(bytes).toString("base64"),
    [field]: parsed(one),
  };
}

const parsed = ({ bytes }: InspectedManifest): unknown => JSON.parse(Buffer.from(bytes).toString());
