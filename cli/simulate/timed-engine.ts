// An engine whose caller lets time pass: while a call is pending, or a process that the caller has
// started and holds, virtual time goes on; in between it stands still. Whatever the engine can do
// is called through here, so that it needs no list.

import type { Attached, Engine } from "@nacre/engine/engine.ts";
import type { AutomaticClock } from "@nacre/simulated/clock.ts";

/** The same engine, each call and each process that is held making time pass. */
export function timedEngine(engine: Engine, clock: AutomaticClock): Engine {
  return {
    ...engine,
    images: timed(engine.images, clock),
    containers: timed(engine.containers, clock),
    artifacts: timed(engine.artifacts, clock),
    registries: timed(engine.registries, clock),
    system: timed(engine.system, clock),
    cgroups: timed(engine.cgroups, clock),
    namespaces: timed(engine.namespaces, clock),
    history: (options) => items(engine.history(options), clock),
    [Symbol.asyncDispose]: async () => clock.passDuring(Promise.resolve(dispose(engine))),
  };
}

const dispose = (engine: Engine): PromiseLike<void> => engine[Symbol.asyncDispose]();

function timed<T extends object>(part: T, clock: AutomaticClock): T {
  return new Proxy(part, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== "function") return member;
      return (...words: readonly unknown[]) => awaited(Reflect.apply(member, target, words), clock);
    },
  });
}

function awaited(result: unknown, clock: AutomaticClock): unknown {
  if (result instanceof Promise)
    return clock.passDuring(result).then((value) => held(value, clock));
  if (typeof result === "object" && result !== null && Symbol.asyncIterator in result) {
    return items(result as AsyncIterable<unknown>, clock);
  }
  return result;
}

/** Of a process that its starter holds, time passes until it has ended. */
function held(value: unknown, clock: AutomaticClock): unknown {
  if (typeof value !== "object" || value === null || !("exited" in value)) return value;
  const attached = value as Attached;
  const exited = clock.passDuring(attached.exited);
  exited.catch(() => {}); // whoever asks for it gets the rejection; nobody need ask
  return { ...attached, exited };
}

async function* items<T>(source: AsyncIterable<T>, clock: AutomaticClock): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { value, done } = await clock.passDuring(iterator.next());
      if (done) return;
      yield value;
    }
  } finally {
    await iterator.return?.();
  }
}
