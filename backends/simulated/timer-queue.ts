// Calls that are to be made at times: a binary heap, by time and then by the order in which they
// were asked for, in which each knows its place, so that one is taken back without a search.

/** Said by a call that let nobody go on. */
export const NOBODY = Symbol("nobody goes on");

export interface Timer {
  readonly atMs: number;
  readonly number: number;
  readonly act: () => unknown;
  /** Its place in the heap, -1 outside of it. */
  place: number;
}

const isBefore = (one: Timer, other: Timer): boolean =>
  one.atMs < other.atMs || (one.atMs === other.atMs && one.number < other.number);

export class TimerQueue {
  readonly #heap: Timer[] = [];
  #asked = 0;

  get size(): number {
    return this.#heap.length;
  }

  /** The next one, which stays there. */
  get first(): Timer | undefined {
    return this.#heap[0];
  }

  add(atMs: number, act: () => unknown): Timer {
    const timer: Timer = { atMs, number: this.#asked++, act, place: -1 };
    this.#heap.push(timer);
    this.#rise(timer, this.#heap.length - 1);
    return timer;
  }

  /** Whether it was still there. */
  remove(timer: Timer): boolean {
    const { place } = timer;
    if (place < 0) return false;
    const last = this.#heap.pop() as Timer;
    timer.place = -1;
    if (last === timer) return true;
    if (isBefore(last, timer)) this.#rise(last, place);
    else this.#sink(last, place);
    return true;
  }

  #rise(timer: Timer, from: number): void {
    const heap = this.#heap;
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = heap[above] as Timer;
      if (!isBefore(timer, parent)) break;
      heap[place] = parent;
      parent.place = place;
      place = above;
    }
    heap[place] = timer;
    timer.place = place;
  }

  #sink(timer: Timer, from: number): void {
    const heap = this.#heap;
    let place = from;
    for (;;) {
      let below = 2 * place + 1;
      let child = heap[below];
      if (!child) break;
      const other = heap[below + 1];
      if (other && isBefore(other, child)) {
        child = other;
        below++;
      }
      if (!isBefore(child, timer)) break;
      heap[place] = child;
      child.place = place;
      place = below;
    }
    heap[place] = timer;
    timer.place = place;
  }
}
