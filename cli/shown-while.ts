// What a person sees while a transfer goes on.

import type { Engine, EngineEvent } from "@nacre/engine/engine.ts";

interface Display {
  show(event: EngineEvent): void;
  finish(): void;
}

/** Shows the engine's events until `work` is done; without a display, none of them. */
export async function shownWhile<T>(
  { events }: Pick<Engine, "events">,
  display: Display | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const subscription = events.subscribe((event) => display?.show(event));
  try {
    return await work();
  } finally {
    subscription.unsubscribe();
    display?.finish();
  }
}
