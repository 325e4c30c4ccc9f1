// CPU time that was used, by CPU, counted up a tree: what a node's processes used stays with the
// nodes above when it goes.

export class CpuUsage {
  readonly #parent: CpuUsage | undefined;
  readonly #perCpuMs: Float64Array;
  /** What it was when cpuacct.usage was last reset. */
  readonly #baseMs: Float64Array;
  /** Of processes with a nice value above 0. */
  niceMs = 0;

  constructor(cpus: number, parent?: CpuUsage) {
    this.#parent = parent;
    this.#perCpuMs = new Float64Array(cpus);
    this.#baseMs = new Float64Array(cpus);
  }

  /** Time on some CPUs, the same on each: who may run on several moves about. */
  add(amountMs: number, cpus: readonly number[], nice: boolean): void {
    const eachMs = amountMs / cpus.length;
    for (let at: CpuUsage | undefined = this; at; at = at.#parent) {
      for (const cpu of cpus) at.#perCpuMs[cpu] = (at.#perCpuMs[cpu] ?? 0) + eachMs;
      if (nice) at.niceMs += amountMs;
    }
  }

  get perCpuMs(): number[] {
    return [...this.#perCpuMs].map((ms, cpu) => ms - (this.#baseMs[cpu] ?? 0));
  }
  get sumMs(): number {
    return this.perCpuMs.reduce((sum, ms) => sum + ms, 0);
  }

  reset(): void {
    this.#baseMs.set(this.#perCpuMs);
  }
}
