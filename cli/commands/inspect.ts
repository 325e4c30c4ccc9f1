import { NacreError } from "@nacre/core/error.ts";
import type { Engine } from "@nacre/engine/engine.ts";
import { command } from "../command.ts";
import { forEachOperand } from "../each-operand.ts";
import { imageJson } from "../image-json.ts";
import { choice, text } from "../options.ts";
import { formatInspection } from "../text/inspection.ts";

const TYPES = ["container", "image"] as const;

export default command({
  usage: "[OPTIONS] NAME|ID [NAME|ID...]",
  description: "Docker's JSON. A name is looked for among containers, then among images.",
  options: {
    format: text(["format", "f"], "string", "'json' or a Go template"),
    type: choice(["type"], TYPES, "Look only among these"),
  },
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  interspersed: true,
  suggest: ["containers"],
  failure: 1,
  examples: [
    ["nacre inspect -f '{{.State.Pid}}' web", "the first process as this machine sees it"],
  ],
  async run(context, { format, type }, operands) {
    const { host, global } = context;
    const engine = await context.engine();
    const found: unknown[] = [];
    const code = await forEachOperand(operands, host, global.logLevel === "debug", async (name) => {
      found.push(find(engine, name, type));
    });
    host.print(formatInspection(found, format));
    return code;
  },
});

function find(engine: Engine, name: string, type: (typeof TYPES)[number] | undefined): unknown {
  if (type !== "image") {
    const container = orUndefined(() => engine.containers.inspect(name));
    if (container !== undefined) return container;
  }
  if (type !== "container") {
    const image = orUndefined(() => engine.images.get(name));
    if (image !== undefined) return imageJson(image, engine.system.info().snapshotter);
  }
  throw new NacreError("not-found", `no such ${type ?? "object"}: ${name}`, {
    advice: "nacre ps -a and nacre images show what is there.",
  });
}

/** A name that is no image's reference at all may still be a container's: `invalid` passes too. */
function orUndefined<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (error instanceof NacreError && (error.kind === "not-found" || error.kind === "invalid")) {
      return undefined;
    }
    throw error;
  }
}
