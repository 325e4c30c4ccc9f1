// What a plugin provides, behind a stand-in that tells whose failure a failure is.

import { NacreError } from "@nacre/core/error.ts";

/** An implementation whose calls fail with the plugin's name; what it returns stays as it is. */
export function attributed<T extends object>(implementation: T, plugin: string): T {
  const failure = (error: unknown): NacreError => failureOf(error, plugin);
  return new Proxy(implementation, {
    get(target, key) {
      const member: unknown = Reflect.get(target, key, target);
      if (typeof member !== "function") return member;
      return (...words: unknown[]): unknown => {
        try {
          return watched(Reflect.apply(member, target, words), failure);
        } catch (error) {
          throw failure(error);
        }
      };
    },
  });
}

function watched(result: unknown, failure: (error: unknown) => NacreError): unknown {
  if (result instanceof Promise) {
    return result.catch((error: unknown) => {
      throw failure(error);
    });
  }
  const isStream = typeof result === "object" && result !== null && Symbol.asyncIterator in result;
  return isStream ? relayed(result as AsyncIterable<unknown>, failure) : result;
}

async function* relayed<T>(source: AsyncIterable<T>, failure: (error: unknown) => NacreError) {
  try {
    yield* source;
  } catch (error) {
    throw failure(error);
  }
}

/** The errors that ports promise keep their kind. */
function failureOf(error: unknown, plugin: string): NacreError {
  const promised = error instanceof NacreError ? error : undefined;
  const says = error instanceof Error ? error.message : String(error);
  return new NacreError(promised?.kind ?? "plugin", `plugin ${plugin}: ${says}`, {
    ...(promised?.advice !== undefined && { advice: promised.advice }),
    ...(promised?.errno !== undefined && { errno: promised.errno }),
    ...(promised?.operation !== undefined && { operation: promised.operation }),
    ...(!promised && {
      advice: `Tell the authors of ${plugin}; --log-level debug shows where it failed.`,
    }),
    cause: error,
  });
}
