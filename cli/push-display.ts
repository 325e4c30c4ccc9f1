// How a push looks.

import type { EngineEvent, UploadEvent } from "@nacre/engine/engine.ts";
import type { Host } from "./host.ts";
import { referenceOf } from "./image-name.ts";
import { LayerLines, type LayerState } from "./layer-lines.ts";
import { noticesOn } from "./notices.ts";
import { neutralise } from "./text/escape.ts";

const STATES: Record<UploadEvent["phase"], Pick<LayerState, "words" | "phase">> = {
  waiting: { words: "Preparing", phase: "waiting" },
  sending: { words: "Pushing", phase: "moving" },
  exists: { words: "Layer already exists", phase: "done" },
  mounted: { words: "Mounted from", phase: "done" },
  complete: { words: "Pushed", phase: "done" },
  failed: { words: "Failed", phase: "failed" },
};

export class PushDisplay {
  readonly #host: Host;
  #lines: LayerLines | undefined;

  constructor(host: Host) {
    this.#host = host;
  }

  show(event: EngineEvent): void {
    noticesOn(this.#host).show(event);
    if (event.type !== "upload") return;
    const { digest, sentBytes: bytes, totalBytes, from = "" } = event;
    const { words, phase } = STATES[event.phase];
    const whole = phase === "done" && event.phase === "mounted" ? `${words} ${from}` : words;
    this.#announced(event.reference).show({ digest, words: whole, phase, bytes, totalBytes });
  }

  finish(): void {
    this.#lines?.finish();
  }

  #announced(reference: string): LayerLines {
    if (this.#lines) return this.#lines;
    this.#lines = new LayerLines(this.#host, 1);
    this.#lines.say(neutralise(`The push refers to repository [${referenceOf(reference).name}]`));
    return this.#lines;
  }
}
