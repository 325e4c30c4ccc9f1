// How a figure comes to be: contestants take turns (what the machine does meanwhile hits all of
// them), the median of their runs is taken, and ours is divided by the peer's.

import { PeerMissing } from "./peers/command.ts";

/** What a benchmark is told. */
export interface Settings {
  /** Sizes that prove it works, in seconds; they prove no speed. */
  readonly small: boolean;
  readonly log: (text: string) => void;
}

/** One line of the table. */
export interface Row {
  readonly work: string;
  /** What the peer is, with its versions. */
  readonly peer: string;
  readonly unit: "ms" | "KiB";
  /** Medians; undefined where there is none, which `reason` explains. */
  readonly ours: number | undefined;
  readonly theirs: number | undefined;
  /** ours ÷ theirs, and what it must not exceed. */
  readonly ratio: number | undefined;
  readonly atMost: number;
  readonly runs: number;
  /** Of the result that both came to, where there is one to compare. */
  readonly hash?: string;
  /** Why a side is missing, or what to know about the figures. */
  readonly reason?: string;
}

export interface Benchmark {
  /** As `npm run bench NAME` takes it. */
  readonly name: string;
  readonly about: string;
  run(settings: Settings): Promise<Row[]>;
}

/** A side of a comparison: one run, in the row's unit. */
export type Once = () => number | Promise<number>;

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** Runs all in turn, `runs` times, after one round that is not counted; medians in their order. */
export async function interleave(
  contestants: readonly Once[],
  runs: number,
  warmUp = 1,
): Promise<number[]> {
  const samples = contestants.map((): number[] => []);
  for (let round = -warmUp; round < runs; round++) {
    for (const [i, once] of contestants.entries()) {
      const value = await once();
      if (round >= 0) samples[i]?.push(value);
    }
  }
  return samples.map(median);
}

type Common = Pick<Row, "work" | "atMost" | "runs"> &
  Partial<Pick<Row, "unit" | "hash" | "reason">>;

/** A row in which both sides were measured. */
export function compared(
  common: Common,
  peer: { readonly name: string; readonly version: string },
  ours: number,
  theirs: number,
): Row {
  const named = { unit: "ms" as const, peer: `${peer.name} (${peer.version})`, ...common };
  return { ...named, ours, theirs, ratio: ours / theirs };
}

/** A row without a peer, and the reason. */
export function peerMissing(common: Common, peer: string, error: unknown): Row {
  if (!(error instanceof PeerMissing)) throw error;
  const reason = `peer missing: ${error.message}`;
  return {
    unit: "ms",
    ...common,
    peer,
    ours: undefined,
    theirs: undefined,
    ratio: undefined,
    reason,
  };
}
