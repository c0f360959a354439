/**
 * Calls to workers that always settle. comlink alone loses the class and the code of errors, and a call
 * to a worker that has died never ends. Importing this file, on both sides, makes a `StepSqlError` arrive
 * as one; `connect` and `expose` watch the worker's life.
 */
import * as Comlink from 'comlink';
import { StepSqlError } from '../src/core/errors.ts';
import type { WorkerPort } from '../src/core/sql/call.ts';
import { holdLifeLock, WorkerLife, type Locks, type MessageEnd } from './life.ts';

/** What crosses instead of an error. */
interface ErrorData {
  code: string;
  message: string;
  field: string | undefined;
}

function asStepSqlError(error: unknown): StepSqlError {
  if (error instanceof StepSqlError) return error;
  return new StepSqlError('internal', error instanceof Error ? error.message : String(error));
}

const { canHandle } = Comlink.transferHandlers.get('throw')!;
Comlink.transferHandlers.set('throw', {
  canHandle,
  serialize(thrown: unknown): [ErrorData, Transferable[]] {
    const { value } = thrown as { value: unknown };
    // The stack stays here, where it means something.
    if (!(value instanceof StepSqlError)) console.error(value);
    const { code, message, field } = asStepSqlError(value);
    return [{ code, message, field }, []];
  },
  deserialize(data: unknown): never {
    const { code, message, field } = data as ErrorData;
    throw new StepSqlError(code, message, field);
  },
});

export interface Connection<T> {
  /** Every call settles: it rejects with `worker_exit` once the worker has ended, at once if it had. */
  readonly api: Comlink.Remote<T>;
  /** As the calls of `work`, but rejects with `deadline` when they take longer. */
  call<R>(
    work: (api: Comlink.Remote<T>) => Promise<R>,
    options: { deadlineMs: number },
  ): Promise<R>;
  /** Resolves when the worker has ended by itself: an error, or silently. Never after `terminate`. */
  readonly died: Promise<StepSqlError>;
  /** Kills the worker; its calls fail with `why`. Resolves when it no longer uses the processor. */
  terminate(why?: StepSqlError): Promise<void>;
}

const stopped = (reason: string): StepSqlError =>
  new StepSqlError('worker_exit', `the worker stopped: ${reason}`);

/** After a busy spell or sleep of this thread, timers run before messages that are already there. */
const GRACE_MS = 25;

/** The side that started the worker. */
export function connect<T>(worker: Worker, locks?: Locks): Connection<T> {
  const pending = new Set<(error: StepSqlError) => void>();
  let ended: StepSqlError | undefined;
  let died!: (error: StepSqlError) => void;
  const end = (error: StepSqlError): StepSqlError => {
    ended ??= error;
    for (const fail of pending) fail(ended);
    pending.clear();
    return ended;
  };
  const whenDied = new Promise<StepSqlError>((resolve) => (died = resolve));
  const life = new WorkerLife(worker, (reason) => died(end(stopped(reason))), locks);
  const remote = Comlink.wrap<Record<string, (...args: unknown[]) => unknown>>(worker);

  async function guarded(start: () => Promise<unknown>): Promise<unknown> {
    if (ended) throw ended;
    let fail!: (error: StepSqlError) => void;
    const exit = new Promise<never>((_, reject) => (fail = reject));
    pending.add(fail);
    try {
      return await Promise.race([start(), exit]);
    } catch (error) {
      throw asStepSqlError(error);
    } finally {
      pending.delete(fail);
    }
  }

  // A plain object: a function would be called, and what has `then` awaited.
  const api = new Proxy({} as Comlink.Remote<T>, {
    get: (_, name) =>
      typeof name === 'symbol' || name === 'then'
        ? undefined
        : (...args: unknown[]) => guarded(() => remote[name]!(...args) as Promise<unknown>),
  });

  return {
    api,
    async call(work, { deadlineMs }) {
      let timer: ReturnType<typeof setTimeout>;
      const late = new Promise<never>((_, reject) => {
        const error = new StepSqlError('deadline', `the worker took longer than ${deadlineMs} ms`);
        timer = setTimeout(() => (timer = setTimeout(reject, GRACE_MS, error)), deadlineMs);
      });
      return Promise.race([work(api), late]).finally(() => clearTimeout(timer));
    },
    died: whenDied,
    terminate(why = stopped('it was told to')) {
      end(why);
      return life.terminate();
    },
  };
}

/**
 * The worker's side. Call it before any top-level await: messages do not wait for that.
 * @param end for tests; the worker's own messages otherwise
 */
export function expose(
  api: object,
  end: MessageEnd & Comlink.Endpoint = globalThis as never,
  locks?: Locks,
): void {
  holdLifeLock(end, locks);
  Comlink.expose(api, end);
}

/** A SQL worker in the tab, for `SqlPool`. */
export function browserWorkerPort(worker: Worker, locks?: Locks): WorkerPort {
  let onExit: ((reason: string) => void) | undefined;
  const life = new WorkerLife(worker, (reason) => onExit?.(reason), locks);
  return {
    post: (message) => worker.postMessage(message),
    onMessage: (handler) =>
      worker.addEventListener('message', (event: MessageEvent) => handler(event.data)),
    onExit: (handler) => (onExit = handler),
    terminate: () => life.terminate(),
  };
}
