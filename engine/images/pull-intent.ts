// Which pulls run, of all processes on this root. What a pull has stored belongs to no image until
// its last transaction; its intent keeps others from taking that for rubbish. The intent of a
// process that is gone is forgotten by whoever comes next: what that pull left can be resumed, or
// goes with the next prune.

import type { Clock } from "@nacre/core/ports/clock.ts";
import type { Kernel, ProcessIdentity } from "@nacre/core/ports/kernel.ts";
import type { Random } from "@nacre/core/ports/random.ts";
import type { StateStore, Transaction } from "@nacre/core/ports/state-store.ts";
import { randomHex } from "@nacre/core/random-hex.ts";
import type { IntentRecord } from "@nacre/core/state/records.ts";

export class PullIntents {
  readonly #kernel: Pick<Kernel, "alive">;
  readonly #state: StateStore;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #self: ProcessIdentity;

  constructor(
    kernel: Pick<Kernel, "alive">,
    state: StateStore,
    clock: Clock,
    random: Random,
    self: ProcessIdentity,
  ) {
    this.#kernel = kernel;
    this.#state = state;
    this.#clock = clock;
    this.#random = random;
    this.#self = self;
  }

  /**
   * Forgets the intents of processes that are gone, but those that removals of containers look for
   * (copies/copy-claims.ts). Returns whether there were any of pulls.
   */
  forgetDead(transaction: Transaction): boolean {
    const isLookedFor = ({ kind, subject }: IntentRecord) =>
      kind === "copy" && transaction.get("container", subject) !== undefined;
    const dead = this.#dead(transaction).filter((intent) => !isLookedFor(intent));
    for (const intent of dead) transaction.delete("intent", intent.id);
    return dead.some(isPull);
  }

  /** Records a pull. Returns the intent's ID, and whether a killed pull's was found and forgotten. */
  begin(reference: string): { readonly id: string; readonly foundDead: boolean } {
    const id = `pull-${randomHex(this.#random, 8)}`;
    const { pid, startTime } = this.#self;
    const foundDead = this.#state.write((transaction) => {
      const found = this.forgetDead(transaction);
      transaction.put("intent", id, {
        id,
        kind: "pull",
        subject: reference,
        process: { pid, startTime: String(startTime) },
        begunMs: this.#clock.nowMs(),
        paths: [],
      });
      return found;
    });
    return { id, foundDead };
  }

  end(id: string): void {
    this.#state.write((transaction) => transaction.delete("intent", id));
  }

  /** Whether another pull than `own` runs, here or in another process. */
  othersRun(transaction: Transaction, own?: string): boolean {
    const dead = new Set(this.#dead(transaction).map((intent) => intent.id));
    const pulls = transaction.list("intent").filter(isPull);
    return pulls.some((intent) => intent.id !== own && !dead.has(intent.id));
  }

  #dead(transaction: Transaction): IntentRecord[] {
    return transaction.list("intent").filter(({ process: { pid, startTime } }) => {
      return !this.#kernel.alive({ pid, startTime: BigInt(startTime) });
    });
  }
}

const isPull = ({ kind }: IntentRecord): boolean => kind === "pull";
