import { command } from "../command.ts";
import { createdAt } from "../created-at.ts";
import { flag, list, text } from "../options.ts";
import { writeWhole } from "../written-file.ts";

export default command({
  usage: "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
  description:
    "Makes an image of a container: its image's layers, and one more with what the container has changed in its root. What is mounted in it is no part of it. A container that runs is paused meanwhile. Prints the image's ID. SOURCE_DATE_EPOCH, if set, is the image's date, so that the same changes give the same image.",
  options: {
    author: text(["author", "a"], "string", 'Author: "Ada <ada@example.org>"'),
    change: list(
      ["change", "c"],
      "list",
      "Apply a Dockerfile instruction to the image's config",
      (word) => word,
    ),
    iidfile: text(["iidfile"], "file", "Write the image's ID to this file", "files"),
    message: text(["message", "m"], "string", "What was done, for the image's history"),
    quiet: flag(["quiet", "q"], "Print the ID alone, as it is anyway"),
    pause: {
      ...flag(["pause", "p"], "Pause the container meanwhile (--pause=false: do not)"),
      initial: true,
    },
  },
  operands: { least: 1, most: 2 },
  interspersed: true,
  suggest: ["containers", "images"],
  failure: 1,
  examples: [
    ["nacre commit web web:patched", "its changes as a layer"],
    [`nacre commit -c 'CMD ["nginx"]' web`, "with another command, and no name"],
  ],
  async run({ engine, host }, { author, change, iidfile, message, pause }, [container, reference]) {
    const { archives } = await engine();
    const id = await archives.commit(container!, {
      ...createdAt(host),
      ...(reference !== undefined && { reference }),
      ...(author !== undefined && { author }),
      ...(message !== undefined && { message }),
      changes: change,
      pause,
    });
    if (iidfile !== undefined) await writeWhole(host, iidfile, id);
    host.print(`${id}\n`);
    return 0;
  },
});
