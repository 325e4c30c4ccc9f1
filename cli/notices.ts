// What an engine has to say beside what it was asked for, on standard error.

import type { Engine, EngineEvent } from "@nacre/engine/engine.ts";
import type { Host } from "./host.ts";
import { shownWhile } from "./shown-while.ts";
import { neutralise } from "./text/escape.ts";

/** As a display for `shownWhile`; it says nothing of other events. */
export const noticesOn = (host: Pick<Host, "printError">) => ({
  show(event: EngineEvent): void {
    if (event.type === "notice") host.printError(`nacre: note: ${neutralise(event.message)}\n`);
  },
  finish(): void {},
});

/** Tells what is noticed until `work` is done. */
export const noticing = <T>(
  engine: Pick<Engine, "events">,
  host: Pick<Host, "printError">,
  work: () => Promise<T>,
): Promise<T> => shownWhile(engine, noticesOn(host), work);
