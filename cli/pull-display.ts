// How a pull looks: in a terminal a bar a layer, repainted in place; in a pipe a line where a
// layer's state changes. Not a library: docs/decisions/0012-progress-bars.md.

import type { Engine, EngineEvent } from "@nacre/engine/engine.ts";
import type { Host } from "./host.ts";
import { familiarName, referenceOf, shortId } from "./image-name.ts";
import { neutralise } from "./text/escape.ts";
import { humanSize } from "./text/size.ts";

type LayerEvent = Extract<EngineEvent, { type: "layer" }>;

const BAR_WIDTH = 30;
const REPAINT_MS = 80;
/** More layers than this are counted and not shown one by one when they are done. */
const MOST_LINES = 16;

const PLAIN: Record<LayerEvent["phase"], string> = {
  waiting: "Pulling fs layer",
  downloading: "",
  exists: "Already exists",
  complete: "Pull complete",
  failed: "Failed",
};

export class PullDisplay {
  readonly #host: Host;
  readonly #write: (text: string) => void;
  readonly #stream: 1 | 2;
  /** Whether there is a terminal to paint on; asked when there is something to paint. */
  #painted = false;
  readonly #layers = new Map<string, LayerEvent>();
  #announced = false;
  #linesUp = 0;
  #paintedMs = 0;

  /** @param stream the standard stream that it is written to */
  constructor(host: Host, stream: 1 | 2) {
    this.#host = host;
    this.#stream = stream;
    this.#write = stream === 1 ? (text) => host.print(text) : (text) => host.printError(text);
  }

  show(event: EngineEvent): void {
    if (event.type === "image" && event.phase === "resolving") this.#announce(event.reference);
    if (event.type !== "layer") return;
    this.#announce(event.reference);
    const before = this.#layers.get(event.digest)?.phase;
    this.#layers.set(event.digest, event);
    if (this.#painted) this.#paintSometimes(before !== event.phase);
    else if (before !== event.phase && PLAIN[event.phase] !== "") {
      this.#write(`${shortId(event.digest)}: ${PLAIN[event.phase]}\n`);
    }
  }

  /** Paints the last state; afterwards the cursor stands below it. */
  finish(): void {
    if (this.#painted && this.#layers.size > 0) this.#paint();
  }

  #announce(reference: string): void {
    if (this.#announced) return;
    this.#announced = true;
    this.#painted = this.#host.isTerminal(this.#stream) && this.#host.environment.TERM !== "dumb";
    const { tag, digest, path } = referenceOf(reference);
    this.#write(`${neutralise(`${tag ?? digest ?? "latest"}: Pulling from ${path}`)}\n`);
  }

  #paintSometimes(changed: boolean): void {
    const nowMs = this.#host.nowMs();
    if (!changed && nowMs - this.#paintedMs < REPAINT_MS) return;
    this.#paintedMs = nowMs;
    this.#paint();
  }

  #paint(): void {
    const lines = layerLines([...this.#layers.values()], this.#host.columns());
    const up = this.#linesUp > 0 ? `\u001b[${this.#linesUp}A` : "";
    const erased = lines.map((line) => `\r\u001b[2K${line}\n`).join("");
    // Where lines were joined into a count, what is left of the longer picture is erased below.
    this.#write(`${up}${erased}\u001b[J`);
    this.#linesUp = lines.length;
  }
}

/** One line a layer; with many layers those that are done become one line. */
export function layerLines(layers: readonly LayerEvent[], columns: number): string[] {
  const done = layers.filter(({ phase }) => phase === "complete" || phase === "exists");
  const open = layers.filter((layer) => !done.includes(layer));
  const shown = layers.length <= MOST_LINES ? layers : open.slice(0, MOST_LINES - 1);
  const lines = shown.map((layer) => layerLine(layer));
  if (shown !== layers) lines.unshift(`${done.length} of ${layers.length} layers complete`);
  return lines.map((line) => line.slice(0, Math.max(columns - 1, 20)));
}

function layerLine(layer: LayerEvent): string {
  const name = shortId(layer.digest);
  if (layer.phase !== "downloading") return `${name}: ${PLAIN[layer.phase]}`;
  const { receivedBytes, totalBytes } = layer;
  const filled = totalBytes > 0 ? Math.min(1, receivedBytes / totalBytes) * BAR_WIDTH : 0;
  const bar = `${"=".repeat(Math.floor(filled))}>`.slice(0, BAR_WIDTH).padEnd(BAR_WIDTH);
  const sizes = `${humanSize(receivedBytes, 3)}/${humanSize(totalBytes, 3)}`;
  return `${name}: Downloading [${bar}] ${sizes}`;
}

/** Shows on standard error how a missing image is pulled. */
export function showPull(
  engine: Engine,
  host: Host,
  { quiet, pull }: { readonly quiet: boolean; readonly pull: string | undefined },
): { end(): void } {
  const display = new PullDisplay(host, 2);
  let told = quiet || pull === "always";
  const subscription = engine.events.subscribe((event) => {
    if (event.type === "notice") host.printError(`nacre: note: ${neutralise(event.message)}\n`);
    if (event.type === "image" && !told) {
      told = true;
      host.printError(missing(event.reference));
    }
    if (!quiet) display.show(event);
  });
  return {
    end() {
      subscription.unsubscribe();
      display.finish();
    },
  };
}

function missing(reference: string): string {
  return `Unable to find image '${neutralise(familiarName(reference))}' locally\n`;
}
