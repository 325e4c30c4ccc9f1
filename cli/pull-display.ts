// How a pull looks.

import type { Engine, EngineEvent } from "@nacre/engine/engine.ts";
import type { Host } from "./host.ts";
import { familiarName, referenceOf } from "./image-name.ts";
import { LayerLines, type LayerState } from "./layer-lines.ts";
import { noticesOn } from "./notices.ts";
import { neutralise } from "./text/escape.ts";

type LayerEvent = Extract<EngineEvent, { type: "layer" }>;

const STATES: Record<LayerEvent["phase"], Pick<LayerState, "words" | "phase">> = {
  waiting: { words: "Pulling fs layer", phase: "waiting" },
  downloading: { words: "Downloading", phase: "moving" },
  exists: { words: "Already exists", phase: "done" },
  complete: { words: "Pull complete", phase: "done" },
  failed: { words: "Failed", phase: "failed" },
};

export class PullDisplay {
  readonly #host: Host;
  readonly #stream: 1 | 2;
  readonly #begins: () => void;
  /** Made when there is something to show: asking for a terminal takes its time. */
  #lines: LayerLines | undefined;

  /**
   * @param stream the standard stream that it is written to
   * @param begins called before anything is shown: what was given is a name
   */
  constructor(host: Host, stream: 1 | 2, begins: () => void = () => {}) {
    this.#host = host;
    this.#stream = stream;
    this.#begins = begins;
  }

  show(event: EngineEvent): void {
    if (event.type === "image" && event.phase === "resolving") this.#announced(event.reference);
    if (event.type !== "layer") return;
    const { reference, digest, phase, receivedBytes: bytes, totalBytes } = event;
    this.#announced(reference).show({ digest, ...STATES[phase], bytes, totalBytes });
  }

  /** Paints the last state; afterwards the cursor stands below it. */
  finish(): void {
    this.#lines?.finish();
  }

  #announced(reference: string): LayerLines {
    if (this.#lines) return this.#lines;
    this.#begins();
    this.#lines = new LayerLines(this.#host, this.#stream);
    const { tag, digest, path } = referenceOf(reference);
    this.#lines.say(neutralise(`${tag ?? digest ?? "latest"}: Pulling from ${path}`));
    return this.#lines;
  }
}

/** Shows on standard error how a missing image is pulled. */
export function showPull(
  engine: Engine,
  host: Host,
  { quiet, pull }: { readonly quiet: boolean; readonly pull: string | undefined },
): { end(): void } {
  const display = new PullDisplay(host, 2);
  const notices = noticesOn(host);
  let told = quiet || pull === "always";
  const subscription = engine.events.subscribe((event) => {
    notices.show(event);
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
