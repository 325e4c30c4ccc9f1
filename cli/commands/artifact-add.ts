import { command } from "../command.ts";
import { interruptible } from "../interruption.ts";
import { annotation } from "../manifest-options.ts";
import { text } from "../options.ts";
import { tlsVerify } from "../registry-options.ts";

export default command({
  usage: "[OPTIONS] NAME FILE [FILE...]",
  description:
    "Makes an artifact of files, under a name by which it can be pushed. Prints its digest. With --subject it is about an image in a registry: a signature, a report, which image referrers lists once it is pushed to the image's repository.",
  options: {
    annotation,
    subject: text(["subject"], "name", "The image or artifact in a registry that it is about"),
    tlsVerify,
    type: text(["type"], "string", "Media type that says what it is"),
  },
  operands: { least: 2, most: Number.POSITIVE_INFINITY },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [
    ["nacre artifact add registry.example/team/model:1 weights.bin", "then push it"],
    ["nacre artifact add --subject r.example/app:1 r.example/app:1-report report.json", "about it"],
  ],
  async run({ host, engine }, { annotation: said, subject, tlsVerify, type }, [name, ...paths]) {
    const { artifacts } = await engine();
    const files: { readonly name: string; readonly bytes: Uint8Array }[] = [];
    for (const path of paths) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of host.inputBytes(path)) chunks.push(chunk);
      files.push({ name: path.slice(path.lastIndexOf("/") + 1), bytes: Buffer.concat(chunks) });
    }
    return interruptible(host, async (signal) => {
      const digest = await artifacts.add(name!, files, {
        ...{ insecure: !tlsVerify, signal },
        ...(type !== undefined && { type }),
        ...(subject !== undefined && { subject }),
        ...(said.length > 0 && { annotations: Object.fromEntries(said) }),
      });
      host.print(`${digest}\n`);
      return 0;
    });
  },
});
