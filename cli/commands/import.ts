import { command } from "../command.ts";
import { createdAt } from "../created-at.ts";
import { list, text } from "../options.ts";

export default command({
  usage: "[OPTIONS] FILE|URL|- [REPOSITORY[:TAG]]",
  description:
    "Makes an image of one layer from a tar: a file, what an HTTP server sends, or standard input for -; plain, or compressed with gzip or zstd. Prints the image's ID. SOURCE_DATE_EPOCH, if set, is the image's date, so that the same tar gives the same image.",
  options: {
    change: list(
      ["change", "c"],
      "list",
      "Apply a Dockerfile instruction to the image's config",
      (word) => word,
    ),
    message: text(["message", "m"], "string", "What it is, for the image's history"),
    platform: text(["platform"], "string", "Platform of the image, if it is not this machine's"),
  },
  operands: { least: 1, most: 2 },
  interspersed: true,
  suggest: ["files", "images"],
  failure: 1,
  examples: [
    ["nacre import root.tar.gz root:1", "from a file"],
    ["nacre export web | nacre import - flat", "a container's root as one layer"],
  ],
  async run({ engine, host }, { change, message, platform }, [source, reference]) {
    const { archives } = await engine();
    const remote = /^https?:\/\//i.test(source!);
    const id = await archives.import(remote ? new URL(source!) : host.inputBytes(source!), {
      ...createdAt(host),
      ...(reference !== undefined && { reference }),
      ...(platform !== undefined && { platform }),
      message: message ?? `Imported from ${source}`,
      changes: change,
    });
    host.print(`${id}\n`);
    return 0;
  },
});
