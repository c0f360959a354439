/** A worker and Web Locks for tests in Node, which has neither as the tab does. */
import type { Locks, MessageEnd } from './life.ts';

/** Time for messages and locks to get where they are going. */
export const soon = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
};

/** One end of a pair: what is posted here is cloned and arrives over there as an event. */
class End extends EventTarget {
  other: End | undefined;

  postMessage(message: unknown, transfer: Transferable[] = []): void {
    const data = structuredClone(message, { transfer });
    setImmediate(() => this.other?.dispatchEvent(new MessageEvent('message', { data })));
  }
}

export class FakeWorker {
  terminated = false;
  /** What `new Worker()` returns. */
  readonly outside: Worker;
  /** `self` of the worker. */
  readonly inside: MessageEnd & EventTarget;

  constructor() {
    const [outside, inside] = [new End(), new End()];
    [outside.other, inside.other] = [inside, outside];
    const terminate = () => {
      this.terminated = true;
      outside.other = inside.other = undefined;
    };
    this.outside = Object.assign(outside, { terminate }) as never;
    this.inside = inside as never;
  }

  /** An uncaught error in the worker. */
  fail(message: string): void {
    this.outside.dispatchEvent(Object.assign(new Event('error'), { message }));
  }

  /** The thread ends: its locks are free. */
  die(locks: FakeLocks): void {
    (this.inside as unknown as End).other = undefined;
    locks.releaseAll();
  }
}

type Granted = (lock: Lock | null) => unknown;

/** Exclusive locks with queues, as `navigator.locks`. */
export class FakeLocks {
  readonly #waiting = new Map<string, (() => Promise<void>)[]>();
  readonly #release = new Map<string, () => void>();

  names(): string[] {
    return [...this.#release.keys()];
  }

  request: Locks['request'] = async (
    name: string,
    optionsOrWork: LockOptions | Granted,
    granted?: Granted,
  ) => {
    const work = granted ?? (optionsOrWork as Granted);
    const { ifAvailable = false } = granted ? (optionsOrWork as LockOptions) : {};
    await Promise.resolve();
    if (this.#release.has(name)) {
      if (ifAvailable) return work(null) as never;
      await new Promise<void>((resolve) => {
        this.#waiting.set(name, [...(this.#waiting.get(name) ?? []), async () => resolve()]);
      });
    }
    const end = new Promise<void>((resolve) => this.#release.set(name, resolve));
    try {
      return (await Promise.race([work({ name, mode: 'exclusive' }), end])) as never;
    } finally {
      this.#release.delete(name);
      void this.#waiting.get(name)?.shift()?.();
    }
  };

  /** As when their holder dies. */
  releaseAll(): void {
    for (const release of [...this.#release.values()]) release();
  }
}
