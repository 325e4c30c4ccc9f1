import { NacreError } from "@nacre/core/error.ts";
import type { Engine } from "@nacre/engine/engine.ts";
import { type Context, command } from "../command.ts";
import { isSelected, LATEST, withLatest } from "../container-selection.ts";
import { forEachOperand } from "../each-operand.ts";
import { imageJson } from "../image-json.ts";
import { choice, flag, text, type Values } from "../options.ts";
import { shapeContainer } from "../text/container-shapes.ts";
import { inspectionIn } from "../text/inspection.ts";
import { volumeJson } from "../volume-json.ts";

const TYPES = ["container", "image", "volume"] as const;
type Type = (typeof TYPES)[number];

/** Of containers. */
export const INSPECT_OPTIONS = {
  format: text(["format", "f"], "string", "'json' or a Go template"),
  latest: LATEST,
  size: flag(["size", "s"], "Also how much a container has written, and with its image"),
};

export default command({
  usage: "[OPTIONS] NAME|ID [NAME|ID...]",
  description:
    "Docker's JSON. A name is looked for among containers, then among images, then among volumes.",
  options: { ...INSPECT_OPTIONS, type: choice(["type"], TYPES, "Look only among these") },
  operands: { least: 1, most: Number.POSITIVE_INFINITY },
  instead: isSelected,
  interspersed: true,
  suggest: ["containers"],
  failure: 1,
  examples: [
    ["nacre inspect -f '{{.State.Pid}}' web", "the first process as this machine sees it"],
  ],
  run: (context, values, names) => inspect(context, values, names, values.type),
});

export async function inspect(
  context: Context,
  { format, latest, size }: Values<typeof INSPECT_OPTIONS>,
  operands: readonly string[],
  type: Type | undefined,
): Promise<number> {
  const print = inspectionIn(format);
  const { host, global } = context;
  const engine = await context.engine();
  const found: unknown[] = [];
  const names = withLatest(latest, operands, engine);
  const code = await forEachOperand(names, host, global.logLevel === "debug", async (name) => {
    found.push(await find(engine, name, type, size));
  });
  print(host, found);
  return code;
}

async function find(
  engine: Engine,
  name: string,
  type: Type | undefined,
  size: boolean,
): Promise<unknown> {
  if (type === undefined || type === "container") {
    const container = orUndefined(() => engine.containers.inspect(name));
    if (container !== undefined) {
      return shapeContainer(size ? { ...container, ...sizesOf(engine, name) } : container);
    }
  }
  if (type === undefined || type === "image") {
    const image = orUndefined(() => engine.images.get(name));
    if (image !== undefined) return imageJson(image, engine.system.snapshotter);
  }
  if (type === undefined || type === "volume") {
    const volume = (await engine.volumes.list()).find((one) => one.volume.name === name);
    if (volume !== undefined) return volumeJson(volume);
  }
  throw new NacreError("not-found", `no such ${type ?? "object"}: ${name}`, {
    advice: "nacre ps -a, nacre images and nacre volume ls show what is there.",
  });
}

function sizesOf(engine: Engine, name: string): Record<string, number> {
  const { writtenBytes, rootBytes } = engine.containers.size(name);
  return { SizeRw: writtenBytes, SizeRootFs: rootBytes };
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
