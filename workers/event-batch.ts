/** Events on their way to the page: collected, so that it hears of them about ten times a second. */
import type { PolicyEvent } from './protocol.ts';

const INTERVAL_MS = 100;

export class EventBatch {
  readonly #send: (events: PolicyEvent[]) => unknown;
  readonly #now: () => number;
  #waiting: PolicyEvent[] = [];
  #sent = -Infinity;
  #arrived: Promise<unknown> = Promise.resolve();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(send: (events: PolicyEvent[]) => unknown, now: () => number) {
    this.#send = send;
    this.#now = now;
  }

  /** The first after a pause goes at once. */
  add(event: PolicyEvent): void {
    // A counter makes the one before it obsolete.
    const last = this.#waiting.at(-1);
    if (event.type === 'stage' && last?.type === 'stage' && last.stage === event.stage) {
      this.#waiting.pop();
    }
    this.#waiting.push(event);
    const wait = this.#sent + INTERVAL_MS - this.#now();
    if (wait <= 0) void this.flush();
    else this.#timer ??= setTimeout(() => void this.flush(), wait);
  }

  /** Resolves when everything has arrived, if `send` tells. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiting.length > 0) {
      const events = this.#waiting;
      this.#waiting = [];
      this.#sent = this.#now();
      this.#arrived = Promise.all([this.#arrived, this.#send(events)]);
    }
    await this.#arrived;
  }
}
