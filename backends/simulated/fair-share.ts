// Sharing by weight down a tree, in the limit of infinitely small slices: every group gives what
// it gets to its members in proportion to their weights; who cannot use its part (a process uses
// one CPU, a throttled group no more than its rate) leaves it to the others of the same group, and
// only what the whole group cannot use goes to its neighbours. It is progressive filling: all rates
// grow together until some bound is reached, those within it stay, the others grow on.

export class ShareGroup {
  readonly parent: ShareGroup | undefined;
  weight: number;
  // Scratch of one round: weights of the members that still grow, and the group's own growth.
  sum = 0;
  growth = 0;
  summed = -1;
  grown = -1;

  constructor(parent: ShareGroup | undefined, weight: number) {
    this.parent = parent;
    this.weight = weight;
  }
}

export interface ShareLeaf {
  readonly group: ShareGroup;
  readonly weight: number;
  /** The most that it can use. */
  readonly atMost: number;
  /** What it gets: the outcome. */
  rate: number;
  /** Scratch. */
  growth: number;
  settled: boolean;
}

/** What some leaves cannot have more of together. */
export interface Bound {
  readonly capacity: number;
  readonly leaves: readonly ShareLeaf[];
}

/** Shares below this are rounding. */
const EPSILON = 1e-9;
let round = 0;

function enroll(group: ShareGroup, weight: number): void {
  if (group.summed !== round) {
    group.summed = round;
    group.sum = 0;
    if (group.parent) enroll(group.parent, group.weight);
  }
  group.sum += weight;
}

function growthOf(group: ShareGroup): number {
  if (group.grown === round) return group.growth;
  const { parent } = group;
  group.grown = round;
  group.growth = parent ? (growthOf(parent) * group.weight) / parent.sum : 1;
  return group.growth;
}

/** Sets the rate of every leaf. Each must be within a bound of finite capacity. */
export function shareOut(leaves: readonly ShareLeaf[], bounds: readonly Bound[]): void {
  for (const leaf of leaves) {
    leaf.rate = 0;
    leaf.settled = leaf.atMost <= 0;
  }
  const left = bounds.map(({ capacity }) => capacity);
  while (aim(leaves)) grow(leaves, bounds, left);
}

/** How fast each that is not settled grows. Whether there is any. */
function aim(leaves: readonly ShareLeaf[]): boolean {
  let some = false;
  round++;
  for (const leaf of leaves) {
    if (leaf.settled) continue;
    enroll(leaf.group, leaf.weight);
    some = true;
  }
  for (const leaf of leaves) {
    if (!leaf.settled) leaf.growth = (growthOf(leaf.group) * leaf.weight) / leaf.group.sum;
  }
  return some;
}

function growthIn({ leaves }: Bound): number {
  let sum = 0;
  for (const leaf of leaves) if (!leaf.settled) sum += leaf.growth;
  return sum;
}

/** One round: the longest step that no bound forbids; who has reached one is settled. */
function grow(leaves: readonly ShareLeaf[], bounds: readonly Bound[], left: number[]): void {
  let step = Number.POSITIVE_INFINITY;
  for (const leaf of leaves) {
    if (!leaf.settled) step = Math.min(step, (leaf.atMost - leaf.rate) / leaf.growth);
  }
  const growths = bounds.map(growthIn);
  for (let i = 0; i < bounds.length; i++) {
    const growth = growths[i] as number;
    if (growth > 0) step = Math.min(step, (left[i] as number) / growth);
  }
  for (const leaf of leaves) {
    if (leaf.settled) continue;
    leaf.rate += leaf.growth * step;
    if (leaf.atMost - leaf.rate <= EPSILON * leaf.atMost) leaf.settled = true;
  }
  for (let i = 0; i < bounds.length; i++) {
    const { capacity, leaves: within } = bounds[i] as Bound;
    left[i] = (left[i] as number) - (growths[i] as number) * step;
    if ((left[i] as number) > EPSILON * capacity) continue;
    for (const leaf of within) leaf.settled = true;
  }
}
