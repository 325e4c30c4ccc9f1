// What a program gets of its caller: descriptors by their numbers, nothing, and pipes.

import type { ProcessStreams } from "@nacre/core/ports/kernel.ts";
import { type Descriptor, NullDescriptor, Pipe } from "./pipe.ts";

type StreamName = "stdin" | "stdout" | "stderr";

/** The caller's own streams, as the supervisor inherited them. */
export type CallerStreams = { readonly [N in StreamName]: Descriptor };

/** The caller's ends of what are pipes. */
export type CallerPipes = Partial<Record<StreamName, Descriptor>>;

/** What the numbers of the caller stand for; those that are not given are /dev/null. */
export type Numbers = ReadonlyMap<number, Descriptor>;

const numbered = (number: number | undefined, numbers: Numbers): Descriptor =>
  (number === undefined ? undefined : numbers.get(number)?.duplicate()) ?? new NullDescriptor();

/** The standard streams, and what is left of those that are pipes. */
export function callerStreams(
  wanted: ProcessStreams,
  numbers: Numbers,
): { readonly streams: CallerStreams; readonly pipes: CallerPipes } {
  const pipes: CallerPipes = {};
  const stream = (name: StreamName): Descriptor => {
    const one = wanted[name];
    if (one === "ignore") return new NullDescriptor();
    if (one !== "pipe") return numbered(one, numbers);
    const pipe = new Pipe();
    pipes[name] = name === "stdin" ? pipe.writeEnd() : pipe.readEnd();
    return name === "stdin" ? pipe.readEnd() : pipe.writeEnd();
  };
  const streams = { stdin: stream("stdin"), stdout: stream("stdout"), stderr: stream("stderr") };
  return { streams, pipes };
}

/** Those behind the standard streams, from 3 on. */
export function passedDescriptors(
  { more = [] }: ProcessStreams,
  numbers: Numbers,
): Map<number, Descriptor> {
  return new Map(more.map((number, index) => [3 + index, numbered(number, numbers)]));
}
