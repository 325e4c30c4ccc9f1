// Layers that come or go: in a terminal a line each with a bar, repainted in place; in a pipe a line
// where a layer's state changes.

import { shortId } from "@nacre/core/short-id.ts";
import type { Host } from "./host.ts";
import { Repaint } from "./text/repaint.ts";
import { humanSize } from "./text/size.ts";

const BAR_WIDTH = 30;
/** More layers than this are counted and not shown one by one when they are done. */
const MOST_LINES = 16;

/** How a layer stands. */
export interface LayerState {
  readonly digest: string;
  /** In words: `Pull complete`; of one that moves what its bar is named. */
  readonly words: string;
  readonly phase: "waiting" | "moving" | "done" | "failed";
  readonly bytes: number;
  readonly totalBytes: number;
}

export class LayerLines {
  readonly #host: Host;
  readonly #write: (text: string) => void;
  /** Whether there is a terminal to paint on. */
  readonly #painted: boolean;
  readonly #layers = new Map<string, LayerState>();
  readonly #repaint: Repaint;

  /** @param stream the standard stream that it is written to */
  constructor(host: Host, stream: 1 | 2) {
    this.#host = host;
    this.#write = stream === 1 ? (text) => host.print(text) : (text) => host.printError(text);
    this.#painted = host.isTerminal(stream) && host.environment.TERM !== "dumb";
    this.#repaint = new Repaint(this.#write);
  }

  /** A line of its own, before all layers. */
  say(line: string): void {
    this.#write(`${line}\n`);
  }

  show(layer: LayerState): void {
    const before = this.#layers.get(layer.digest)?.words;
    this.#layers.set(layer.digest, layer);
    const changed = before !== layer.words;
    if (this.#painted) {
      if (this.#repaint.isDue(this.#host.nowMs(), changed)) this.#paint();
    } else if (changed && layer.phase !== "moving") {
      this.#write(`${shortId(layer.digest)}: ${layer.words}\n`);
    }
  }

  /** Paints the last state; afterwards the cursor stands below it. */
  finish(): void {
    if (this.#painted && this.#layers.size > 0) this.#paint();
  }

  #paint(): void {
    this.#repaint.paint(layerLines([...this.#layers.values()], this.#host.columns()));
  }
}

/** One line a layer; with many layers those that are done become one line. */
function layerLines(layers: readonly LayerState[], columns: number): string[] {
  const done = layers.filter(({ phase }) => phase === "done");
  const open = layers.filter((layer) => !done.includes(layer));
  const shown = layers.length <= MOST_LINES ? layers : open.slice(0, MOST_LINES - 1);
  const lines = shown.map((layer) => layerLine(layer));
  if (shown !== layers) lines.unshift(`${done.length} of ${layers.length} layers complete`);
  return lines.map((line) => line.slice(0, Math.max(columns - 1, 20)));
}

function layerLine({ digest, words, phase, bytes, totalBytes }: LayerState): string {
  const name = shortId(digest);
  if (phase !== "moving") return `${name}: ${words}`;
  const filled = totalBytes > 0 ? Math.min(1, bytes / totalBytes) * BAR_WIDTH : 0;
  const bar = `${"=".repeat(Math.floor(filled))}>`.slice(0, BAR_WIDTH).padEnd(BAR_WIDTH);
  const sizes = `${humanSize(bytes, 3)}/${humanSize(totalBytes, 3)}`;
  return `${name}: ${words} [${bar}] ${sizes}`;
}
