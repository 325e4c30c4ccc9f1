// How a figure comes to be: contestants take turns (what the machine does meanwhile hits all of
// them), the median of their runs is taken, and ours is divided by the peer's.

import { PeerMissing } from "./peers/command.ts";

/** What a benchmark is told. */
export interface Settings {
  /** Sizes that prove it works, in seconds; they prove no speed. */
  readonly small: boolean;
  readonly log: (text: string) => void;
}

/** What our side cannot be faster than, measured in the same run. */
export interface Limit {
  readonly what: string;
  readonly ms: number;
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
  readonly limits?: readonly Limit[];
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

/** The other side: what it is, and one run of it. */
export interface Peer {
  readonly name: string;
  readonly version: string;
  readonly once: Once;
}

export interface Comparison {
  readonly work: string;
  readonly atMost: number;
  readonly limits?: readonly Limit[];
  readonly runs: number;
  /** Rounds before those that count; 1 by default. */
  readonly warmUp?: number;
  readonly unit?: Row["unit"];
  readonly ours: Once;
  /** Named in the row when the peer is missing. */
  readonly peer: string;
  /** Makes the peer ready; what must be taken down afterwards goes on the stack. May throw PeerMissing. */
  readonly open: (stack: AsyncDisposableStack) => Peer | Promise<Peer>;
  /** Checks the results of both sides when all runs are over; what they have in common. */
  readonly hash?: () => string;
}

/** Measures both sides in turn, or ours alone where the peer is missing. */
export async function compare(comparison: Comparison): Promise<Row> {
  const { work, atMost, limits, runs, unit = "ms", warmUp = 1, ours } = comparison;
  await using stack = new AsyncDisposableStack();
  let peer: Peer | undefined;
  let reason: string | undefined;
  try {
    peer = await comparison.open(stack);
  } catch (error) {
    if (!(error instanceof PeerMissing)) throw error;
    reason = `peer missing: ${error.message}`;
  }
  const sides = peer === undefined ? [ours] : [ours, peer.once];
  const [mine, theirs] = await interleave(sides, runs, warmUp);
  const hash = comparison.hash?.();
  return {
    ...{ work, atMost, runs, unit, ours: mine, theirs },
    peer: peer === undefined ? comparison.peer : `${peer.name} (${peer.version})`,
    ratio: mine === undefined || theirs === undefined ? undefined : mine / theirs,
    ...(limits !== undefined && { limits }),
    ...(hash !== undefined && { hash }),
    ...(reason !== undefined && { reason }),
  };
}
