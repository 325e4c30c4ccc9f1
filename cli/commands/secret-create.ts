import { NacreError } from "@nacre/core/error.ts";
import { command } from "../command.ts";
import type { Host } from "../host.ts";
import { flag, list, text } from "../options.ts";
import { labelsOf, parseLabel } from "../parse/environment.ts";

/** Far more than a secret may have: who gives more has named another file. */
const READ_LIMIT_BYTES = 1 << 20;
/** podman's name of what keeps secrets in files. */
const DRIVER = "file";

export default command({
  usage: "[OPTIONS] NAME FILE|-",
  description:
    "A secret is 1 to 511,999 bytes of a file, or of standard input (-). It is kept below the state root in a file that only its owner reads, as it is: nothing is encrypted. Containers get copies of it by run --secret; no image has it, and inspect does not show it.",
  options: {
    driver: text(["driver", "d"], "name", "What keeps it: file, and nothing else", [DRIVER]),
    driverOpts: list(
      ["driver-opts"],
      "K=V",
      "Options of the driver, of which there are none",
      String,
    ),
    env: flag(["env"], "FILE is the name of an environment variable"),
    replace: flag(
      ["replace"],
      "In the place of a secret of that name, which containers that have it keep",
    ),
    label: list(["label", "l"], "K=V", "Set metadata on the secret", parseLabel),
  },
  operands: { least: 2, most: 2 },
  interspersed: true,
  suggest: [[], "files"],
  failure: 1,
  examples: [
    [
      "nacre secret create db-password ./password.txt",
      "and then: nacre run --secret db-password …",
    ],
    ["openssl rand -hex 20 | nacre secret create token -", "what another command says"],
  ],
  async run(context, { driver = DRIVER, driverOpts, env, label, replace }, [name, source]) {
    refuseDriver(driver, driverOpts);
    const { host } = context;
    const data = env ? ofVariable(source!, host) : await ofFile(source!, host);
    const { secrets } = await context.engine();
    const { id } = secrets.create(name!, data, { labels: labelsOf(label), replace });
    host.print(`${id}\n`);
    return 0;
  },
});

function refuseDriver(driver: string, options: readonly string[]): void {
  if (driver !== DRIVER) {
    throw new NacreError("unsupported", `there is no secret driver ${driver}`, {
      advice: `Leave --driver out: secrets are kept in files (${DRIVER}).`,
    });
  }
  const [first] = options;
  if (first === undefined) return;
  throw new NacreError(
    "unsupported",
    `--driver-opts ${first}: the driver ${DRIVER} has no options`,
    {
      advice: "Secrets stand below the state root, which --root is.",
    },
  );
}

function ofVariable(name: string, { environment }: Host): Uint8Array {
  const value = environment[name];
  if (value !== undefined) return new TextEncoder().encode(value);
  throw new NacreError("not-found", `environment variable ${name} is not set`);
}

async function ofFile(path: string, host: Host): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of host.inputBytes(path)) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > READ_LIMIT_BYTES) break;
  }
  return Buffer.concat(chunks);
}
