import { command } from "../command.ts";
import { interruptible } from "../interruption.ts";
import { choice, flag, text } from "../options.ts";
import { refuseTerminal, writeArchive } from "../write-archive.ts";

export default command({
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  description:
    "Writes images as one tar to standard output, or into a file that gets its name when it is whole. It is docker's archive and an OCI layout at once, which docker, podman, skopeo and Nacre load; blobs are in it as they came, so that digests stay.",
  options: {
    compression: choice(
      ["compression"],
      ["gzip", "zstd", "none"] as const,
      "Compress layers anew that are not compressed so",
    ),
    format: choice(
      ["format"],
      ["docker-archive", "oci-archive"] as const,
      "An OCI layout alone, or with what docker needs beside it, the default",
    ),
    multiImageArchive: flag(
      ["multi-image-archive", "m"],
      "Nothing else: several images may always be named",
    ),
    output: text(["output", "o"], "string", "Write to a file, instead of standard output", "files"),
    platform: text(
      ["platform"],
      "os/arch",
      "Save only the images for this platform, where names have several",
    ),
    quiet: flag(["quiet", "q"], "Nothing else: nothing is said as it is"),
  },
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  interspersed: true,
  suggest: ["images"],
  failure: 1,
  examples: [
    ["nacre save -o debian.tar debian:12", "into a file"],
    ["nacre save app:1 app:2 | ssh other nacre load", "to another machine, what they share once"],
  ],
  async run(context, { compression, format, output, platform }, operands) {
    const { host } = context;
    refuseTerminal(host, output);
    const { images } = await context.engine();
    for (const name of operands) images.get(name, platform);
    return interruptible(host, async (signal) => {
      const archive = images.save(operands, {
        ...(compression !== undefined && { compression }),
        ...(format !== undefined && { format }),
        ...(platform !== undefined && { platform }),
      });
      await writeArchive(host, output, archive, signal);
      return 0;
    });
  },
});
