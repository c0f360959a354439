/**
 * The life of a worker, seen from where it was started. A worker may end without a word: `error` events
 * tell of failures only. So it holds a Web Lock for as long as it lives, and whoever started it asks for
 * the same lock: being granted it means that the worker is no more. Chromium grants it when the thread
 * has really stopped, 2 s after `terminate()` for one caught in a loop. Web Locks exist in secure contexts
 * only; elsewhere silent ends go unnoticed.
 */
export type Locks = Pick<LockManager, 'request'>;

/** Undefined where the browser has none, as on a plain http page. */
export const browserLocks = (): Locks | undefined =>
  (globalThis.navigator as Navigator | undefined)?.locks as Locks | undefined;

/** Either end of a worker's messages. */
export interface MessageEnd {
  postMessage(message: unknown): void;
  addEventListener(type: 'message', listener: (event: MessageEvent) => void): void;
}

/** Chromium forces a busy worker to stop after this long. */
const WIND_DOWN_MS = 2000;

/** The worker's side: takes the lock it is told of and keeps it. Call before listening to messages. */
export function holdLifeLock(end: MessageEnd, locks = browserLocks()): void {
  end.addEventListener('message', (event) => {
    const { life } = (event.data ?? {}) as { life?: unknown };
    if (typeof life !== 'string') return;
    event.stopImmediatePropagation();
    void locks?.request(life, () => {
      end.postMessage({ held: life });
      return new Promise<never>(() => undefined);
    });
  });
}

/** The other side. Listens from the start, so that messages about the lock reach nobody else. */
export class WorkerLife {
  readonly #worker: Worker;
  #held = false;
  #ended = false;
  #gone!: () => void;
  readonly #isGone = new Promise<void>((resolve) => (this.#gone = resolve));

  /** @param onEnd called once, unless the worker was stopped by `terminate` */
  constructor(worker: Worker, onEnd: (reason: string) => void, locks = browserLocks()) {
    this.#worker = worker;
    const end = (reason: string): void => {
      if (this.#ended) return;
      this.#ended = true;
      worker.terminate(); // what threw may still be running
      onEnd(reason);
    };
    worker.addEventListener('error', (event) => {
      event.preventDefault(); // or it goes on as an error of this thread, and ends that too
      end((event as Partial<ErrorEvent>).message || 'its script could not be loaded');
    });
    worker.addEventListener('messageerror', () => end('it sent what cannot be received'));
    if (!locks) return;
    const life = `stepsql-worker-${crypto.randomUUID()}`;
    worker.addEventListener('message', (event: MessageEvent) => {
      if ((event.data as { held?: unknown } | null)?.held !== life) return;
      event.stopImmediatePropagation();
      this.#held = true;
      void locks.request(life, () => {
        this.#gone();
        end('it ended without a word');
      });
    });
    worker.postMessage({ life });
  }

  /** Kills the worker. Resolves when it no longer uses the processor. */
  terminate(): Promise<void> {
    this.#ended = true;
    this.#worker.terminate();
    // A worker caught in a loop before it could take its lock (some 5 ms after it starts) never has it.
    if (this.#held) return this.#isGone;
    return new Promise((resolve) => setTimeout(resolve, WIND_DOWN_MS));
  }
}
