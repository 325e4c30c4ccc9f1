import { command } from "../command.ts";
import { interruptible } from "../interruption.ts";
import { flag } from "../options.ts";
import { tlsVerify } from "../registry-options.ts";
import { neutralise } from "../text/escape.ts";
import { formatTable } from "../text/table.ts";

export default command({
  usage: "[OPTIONS] NAME",
  description:
    "What a registry has that is about an image there: signatures, attestations and the like, by the referrers API, or by tags where there is none.",
  options: { json: flag(["json"], "Print JSON"), tlsVerify },
  operands: { least: 1, most: 1 },
  interspersed: true,
  suggest: [],
  failure: 1,
  examples: [
    ["nacre image referrers ghcr.io/owner/app:1", "who has signed it, and what else is known"],
  ],
  async run({ host, engine }, { json, tlsVerify }, [name]) {
    const { artifacts } = await engine();
    return interruptible(host, async (signal) => {
      const found = await artifacts.referrers(name!, { insecure: !tlsVerify, signal });
      if (json) host.print(`${JSON.stringify(found, null, 4)}\n`);
      else {
        const rows = found.map(({ digest, type, annotations }) => {
          const said = Object.entries(annotations).map(([key, value]) => `${key}=${value}`);
          return [digest, neutralise(type), neutralise(said.join(", "))];
        });
        host.print(formatTable([["DIGEST", "TYPE", "ANNOTATIONS"], ...rows]));
      }
      return 0;
    });
  },
});
