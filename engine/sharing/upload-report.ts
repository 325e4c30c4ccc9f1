// What is told of a layer on its way to a registry; of other blobs nothing is.

import type { Reference } from "@nacre/core/reference.ts";
import type { UploadEvent } from "../engine.ts";
import type { EventBus } from "../event-bus.ts";
import type { Uploaded } from "../registry/uploads.ts";
import type { Part } from "./bundles.ts";

export class UploadReport {
  readonly #bus: EventBus;
  readonly #reference: string;

  constructor(bus: EventBus, reference: Reference) {
    this.#bus = bus;
    this.#reference = reference.toString();
  }

  say(
    { digest, sizeBytes: totalBytes, isLayer }: Part,
    phase: UploadEvent["phase"],
    sentBytes: number,
    from?: string,
  ): void {
    if (!isLayer) return;
    const more = from === undefined ? {} : { from };
    const reference = this.#reference;
    this.#bus.emit({ type: "upload", reference, digest, phase, sentBytes, totalBytes, ...more });
  }

  /** What became of it. */
  done(part: Part, outcome: Uploaded): void {
    if (outcome.how === "mounted") this.say(part, "mounted", part.sizeBytes, outcome.from);
    else this.say(part, outcome.how === "sent" ? "complete" : "exists", part.sizeBytes);
  }
}
