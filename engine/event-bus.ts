// Lifecycle events. Order is fixed before fan-out: what one operation emits in sequence, every
// subscriber sees in that sequence, also when a subscriber emits in turn. Results never travel
// here.

import { type Observable, observeOn, queueScheduler, Subject, share } from "rxjs";
import type { EngineEvent } from "./engine.ts";

export class EventBus implements Disposable {
  readonly #subject = new Subject<EngineEvent>();
  readonly events: Observable<EngineEvent> = this.#subject.pipe(observeOn(queueScheduler), share());

  emit(event: EngineEvent): void {
    this.#subject.next(event);
  }

  [Symbol.dispose](): void {
    this.#subject.complete();
  }
}
