/**
 * Calls to a worker that always settle: with the answer, or with a `StepSqlError` when the worker
 * reports an error (`{code, message, field}`: classes do not survive the boundary), exits, or keeps
 * silent beyond the deadline.
 */
import { StepSqlError } from '../errors.ts';

/** One worker, as each platform spawns it. */
export interface WorkerPort {
  post(message: unknown): void;
  onMessage(handler: (message: unknown) => void): void;
  /** Called once when the worker ends by itself or because of an error. */
  onExit(handler: (reason: string) => void): void;
  /** Kills the worker even in the middle of a query. Resolves when it no longer uses the processor. */
  terminate(): Promise<void>;
}

export interface Request {
  id: number;
  body: unknown;
}

export type Response =
  | { id: number; kind: 'event'; body: unknown }
  | { id: number; kind: 'result'; body: unknown }
  | { id: number; kind: 'error'; error: { code: string; message: string; field?: string } };

export interface CallOptions {
  /** Silence allowed before the first sign of life and after it, in ms. */
  firstDeadlineMs: number;
  deadlineMs: number;
  onEvent?: (event: unknown) => void;
}

/** How long messages already under way may take to be seen when this thread was busy. */
const GRACE_MS = 25;

interface Pending {
  settle(response: Response): void;
  fail(error: StepSqlError): void;
}

export class WorkerCalls {
  readonly #port: WorkerPort;
  readonly #now: () => number;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #exit: StepSqlError | undefined;

  constructor(port: WorkerPort, now: () => number) {
    this.#port = port;
    this.#now = now;
    port.onMessage((message) => {
      const response = message as Response;
      this.#pending.get(response.id)?.settle(response);
    });
    port.onExit((reason) => this.close(reason));
  }

  /** Settles every call under way; later calls fail at once. */
  close(reason: string): void {
    this.#exit ??= new StepSqlError('worker_exit', `the worker stopped: ${reason}`);
    for (const pending of [...this.#pending.values()]) pending.fail(this.#exit);
  }

  call(body: unknown, { firstDeadlineMs, deadlineMs, onEvent }: CallOptions): Promise<unknown> {
    if (this.#exit) return Promise.reject(this.#exit);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      let lastSign = this.#now();
      let allowed = firstDeadlineMs;
      let alive = false;
      let timer: ReturnType<typeof setTimeout>;
      const end = (): void => {
        clearTimeout(timer);
        this.#pending.delete(id);
      };
      const fail = (error: StepSqlError): void => {
        end();
        reject(error);
      };
      const watch = (suspicious: boolean): void => {
        const left = lastSign + allowed - this.#now();
        // After a busy spell of this thread timers run before messages: look twice.
        if (left > 0) timer = setTimeout(watch, left, false);
        else if (!suspicious) timer = setTimeout(watch, GRACE_MS, true);
        else fail(new StepSqlError('deadline', `the worker gave no sign for ${allowed} ms`));
      };
      const settle = (response: Response): void => {
        lastSign = this.#now();
        if (response.kind === 'event') {
          if (!alive) {
            alive = true;
            allowed = deadlineMs;
            clearTimeout(timer);
            watch(false);
          }
          return onEvent?.(response.body);
        }
        end();
        if (response.kind === 'result') return resolve(response.body);
        const { code, message, field } = response.error;
        reject(new StepSqlError(code, message, field));
      };
      this.#pending.set(id, { settle, fail });
      timer = setTimeout(watch, allowed, false);
      this.#port.post({ id, body } satisfies Request);
    });
  }
}

/** The worker's side: what crosses instead of an error. */
export function errorResponse(id: number, error: unknown): Response {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof StepSqlError)) {
    return { id, kind: 'error', error: { code: 'internal', message } };
  }
  const field = error.field === undefined ? {} : { field: error.field };
  return { id, kind: 'error', error: { code: error.code, message, ...field } };
}
