import { command } from "../command.ts";
import { referenceOf } from "../image-name.ts";
import { interruptible } from "../interruption.ts";
import { flag, text } from "../options.ts";
import { PullDisplay } from "../pull-display.ts";
import { tlsVerify } from "../registry-options.ts";
import { neutralise } from "../text/escape.ts";

export default command({
  usage: "[OPTIONS] NAME[:TAG|@DIGEST]",
  description:
    "Layers come in parallel, each verified against its digest; a pull that broke off goes on where it stopped. What is here already is not fetched again.",
  options: {
    platform: text(["platform"], "os/arch", "The platform to choose from a multi-platform image"),
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
  ],
  async run(context, { platform, quiet, tlsVerify }, [name]) {
    const { host } = context;
    const engine = await context.engine();
    const display = quiet ? undefined : new PullDisplay(host, 1);
    if (!quiet && !/[:@][^/]*$/.test(name!)) host.print("Using default tag: latest\n");
    const subscription = engine.events.subscribe((event) => display?.show(event));
    return interruptible(host, async (signal) => {
      const pulled = await engine.images
        .pull(name!, { insecure: !tlsVerify, signal, ...(platform !== undefined && { platform }) })
        .finally(() => {
          subscription.unsubscribe();
          display?.finish();
        });
      const familiar = neutralise(referenceOf(pulled.reference).familiar());
      const status = pulled.changed ? "Downloaded newer image for" : "Image is up to date for";
      if (!quiet) host.print(`Digest: ${pulled.digest}\nStatus: ${status} ${familiar}\n`);
      host.print(`${neutralise(pulled.reference)}\n`);
      return 0;
    });
  },
});
