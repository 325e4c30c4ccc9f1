import type { SecretRecord } from "@nacre/core/state/records.ts";
import { command } from "../command.ts";
import { forEachOperand } from "../each-operand.ts";
import { FlagError } from "../flag-error.ts";
import { flag, text } from "../options.ts";
import { neutralise } from "../text/escape.ts";
import { inspectionIn } from "../text/inspection.ts";

export default command({
  usage: "[OPTIONS] SECRET [SECRET...]",
  description: "podman's JSON: name, ID, labels, when it was made. What it says is not shown.",
  options: {
    format: text(["format", "f"], "string", "'json' or a Go template"),
    pretty: flag(["pretty"], "For people to read"),
  },
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  interspersed: true,
  suggest: ["secrets"],
  failure: 1,
  examples: [["nacre secret inspect -f '{{.Spec.Name}}' 5e70ea", "which one has that ID"]],
  async run(context, { format, pretty }, operands) {
    if (pretty && format !== undefined) throw new FlagError("choose either --pretty or --format");
    const print = inspectionIn(format);
    const { host, global } = context;
    const { secrets } = await context.engine();
    const found: SecretRecord[] = [];
    const code = await forEachOperand(operands, host, global.logLevel === "debug", async (name) => {
      found.push(secrets.get(name));
    });
    if (pretty) host.print(found.map(prettyText).join(""));
    else print(host, found.map(json));
    return code;
  },
});

function json({ id, name, labels, createdMs }: SecretRecord) {
  const created = new Date(createdMs).toISOString();
  return {
    ...{ ID: id, CreatedAt: created, UpdatedAt: created },
    Spec: { Name: name, Driver: { Name: "file", Options: {} }, Labels: labels },
  };
}

function prettyText({ id, name, labels, createdMs }: SecretRecord): string {
  const created = new Date(createdMs).toISOString();
  const lines = [
    ["ID:", id],
    ["Name:", name],
    ["Labels:", ""],
    ...Object.entries(labels).map(([key, value]) => [` - ${neutralise(`${key}=${value}`)}`, ""]),
    ["Driver:", "file"],
    ["Created at:", created],
    ["Updated at:", created],
  ];
  return lines
    .map(([what, says]) => `${what!.padEnd(18)}${says}`.trimEnd())
    .map((line) => `${line}\n`)
    .join("");
}
