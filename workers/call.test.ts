import * as Comlink from 'comlink';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { badInput, StepSqlError } from '../src/core/errors.ts';
import { WorkerCalls } from '../src/core/sql/call.ts';
import { browserWorkerPort, connect, expose } from './call.ts';
import { holdLifeLock } from './life.ts';
import { FakeLocks, FakeWorker, soon } from './worker.test-helper.ts';

const api = {
  add: (a: number, b: number) => a + b,
  refuse(): never {
    throw badInput('seed', -1, 'a whole number');
  },
  async fail(what: 'error' | 'text' | 'nothing'): Promise<void> {
    if (what === 'error') throw new TypeError('x is not a function');
    throw what === 'text' ? 'plain text' : undefined;
  },
  closure: () => ({ not: () => 'cloneable' }),
  hang: () => new Promise<number>(() => undefined),
  async count(to: number, onStep: (step: number) => void): Promise<string> {
    for (let step = 1; step <= to; step++) await onStep(step);
    return 'done';
  },
  double(bytes: Uint8Array): Uint8Array {
    const result = bytes.map((value) => 2 * value);
    return Comlink.transfer(result, [result.buffer]);
  },
};

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

function start() {
  const locks = new FakeLocks();
  const worker = new FakeWorker();
  expose(api, worker.inside as never, locks);
  return { worker, locks, connection: connect<typeof api>(worker.outside, locks) };
}

const failure = (promise: Promise<unknown>) => promise.then(String, (error: unknown) => error);
const exit = (reason: string) =>
  expect.objectContaining({ code: 'worker_exit', message: `the worker stopped: ${reason}` });

describe('a call', () => {
  it('brings back the answer', async () => {
    const { connection } = start();
    expect(await connection.api.add(1, 2)).toBe(3);
    const bytes = Uint8Array.of(1, 2);
    const transferred = Comlink.transfer(bytes, [bytes.buffer]);
    expect(await connection.api.double(transferred)).toEqual(Uint8Array.of(2, 4));
    expect(bytes.byteLength).toBe(0);
  });

  it('may be called back', async () => {
    const { connection } = start();
    const steps: number[] = [];
    const onStep = Comlink.proxy((step: number) => void steps.push(step));
    expect(await connection.api.count(3, onStep)).toBe('done');
    expect(steps).toEqual([1, 2, 3]);
  });

  it('rejects with the error that was thrown, its code and its field', async () => {
    const { connection } = start();
    const error = await failure(connection.api.refuse());
    expect(error).toBeInstanceOf(StepSqlError);
    expect(error).toMatchObject({
      ...{ code: 'bad_input', field: 'seed', name: 'StepSqlError' },
      message: 'seed: got -1, expected a whole number',
    });
  });

  it.each([
    ['error', 'x is not a function'],
    ['text', 'plain text'],
    ['nothing', 'undefined'],
  ] as const)(
    'rejects as internal with any other %s, which the worker logs',
    async (what, message) => {
      const { connection } = start();
      const logged = vi.spyOn(console, 'error').mockReturnValue(undefined);
      const error = await failure(connection.api.fail(what));
      expect(error).toBeInstanceOf(StepSqlError);
      expect(error).toMatchObject({ code: 'internal', message, field: undefined });
      expect(logged).toHaveBeenCalledTimes(1);
    },
  );

  it('rejects when the answer or an argument cannot cross', async () => {
    const { connection } = start();
    vi.spyOn(console, 'error').mockReturnValue(undefined);
    expect(await failure(connection.api.closure())).toMatchObject({ code: 'internal' });
    const argument = connection.api.add(1, (() => 2) as never);
    expect(await failure(argument)).toMatchObject({ code: 'internal' });
    expect(await connection.api.add(2, 2)).toBe(4);
  });

  it('rejects when the worker fails, and later calls do at once', async () => {
    const { connection, worker } = start();
    const calls = [connection.api.hang(), connection.api.hang()].map(failure);
    await soon();
    worker.fail('Uncaught RangeError');
    expect(await Promise.all(calls)).toEqual([
      exit('Uncaught RangeError'),
      exit('Uncaught RangeError'),
    ]);
    expect(await failure(connection.api.add(1, 2))).toEqual(exit('Uncaught RangeError'));
    expect(await connection.died).toEqual(exit('Uncaught RangeError'));
    expect(worker.terminated).toBe(true);
  });

  it('rejects when the worker is gone without a word', async () => {
    const { connection, worker, locks } = start();
    expect(await connection.api.add(1, 1)).toBe(2);
    const call = failure(connection.api.hang());
    await soon();
    worker.die(locks);
    expect(await call).toEqual(exit('it ended without a word'));
    expect(await connection.died).toEqual(exit('it ended without a word'));
  });

  it('rejects when this side stops the worker, which is no death', async () => {
    const { connection, worker, locks } = start();
    let died = false;
    void connection.died.then(() => (died = true));
    const call = failure(connection.api.hang());
    await soon();
    const gone = connection.terminate();
    worker.die(locks);
    await gone;
    expect(await call).toEqual(exit('it was told to'));
    expect(await failure(connection.api.add(1, 2))).toEqual(exit('it was told to'));
    await soon();
    expect(died).toBe(false);
  });

  it('rejects after its deadline; the worker lives on', async () => {
    const { connection } = start();
    const late = connection.call((remote) => remote.hang(), { deadlineMs: 5 });
    expect(await failure(late)).toMatchObject({
      ...{ code: 'deadline', message: 'the worker took longer than 5 ms' },
    });
    const options = { deadlineMs: 60_000 };
    expect(await connection.call((remote) => remote.add(1, 2), options)).toBe(3);
    const refused = connection.call((remote) => remote.refuse(), options);
    expect(await failure(refused)).toMatchObject({ code: 'bad_input' });
  });

  it('believes an answer that is there when a busy thread looks up', async () => {
    const { connection } = start();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const answer = connection.call((remote) => remote.add(1, 2), { deadlineMs: 10 });
    vi.advanceTimersByTime(10); // timers come before messages
    await soon();
    expect(await answer).toBe(3);
  });

  it('works where there are no locks', async () => {
    const worker = new FakeWorker();
    expose(api, worker.inside as never);
    const { api: remote } = connect<typeof api>(worker.outside);
    expect(await remote.add(1, 2)).toBe(3);
  });

  it('leaves the connection itself free to be awaited and passed on', async () => {
    const { connection } = start();
    expect(await Promise.resolve(connection.api)).toBe(connection.api);
  });
});

describe('a SQL worker in the tab', () => {
  function sqlWorker() {
    const locks = new FakeLocks();
    const worker = new FakeWorker();
    holdLifeLock(worker.inside, locks);
    worker.inside.addEventListener('message', ({ data }) => {
      const { id, body } = data as { id: number; body: unknown };
      if (body !== 'hang') worker.inside.postMessage({ id, kind: 'result', body });
    });
    const port = browserWorkerPort(worker.outside, locks);
    const calls = new WorkerCalls(port, () => performance.now());
    const options = { firstDeadlineMs: 60_000, deadlineMs: 60_000 };
    return { worker, locks, port, call: (body: unknown) => calls.call(body, options) };
  }

  it('answers calls', async () => {
    expect(await sqlWorker().call([1n, Uint8Array.of(2)])).toEqual([1n, Uint8Array.of(2)]);
  });

  it.each<[string, (started: ReturnType<typeof sqlWorker>) => void, string]>([
    ['fails', ({ worker }) => worker.fail('out of memory'), 'out of memory'],
    ['dies', ({ worker, locks }) => worker.die(locks), 'it ended without a word'],
  ])('settles its calls when it %s', async (_, end, reason) => {
    const started = sqlWorker();
    await started.call('warm');
    const call = failure(started.call('hang'));
    await soon();
    end(started);
    expect(await call).toEqual(exit(reason));
  });

  it('is killed in silence, and gone when that resolves', async () => {
    const { worker, locks, port, call } = sqlWorker();
    const exits: string[] = [];
    port.onExit((reason) => exits.push(reason));
    await call('warm');
    let gone = false;
    void port.terminate().then(() => (gone = true));
    await soon();
    expect([worker.terminated, gone]).toEqual([true, false]);
    worker.die(locks);
    await soon();
    expect(gone).toBe(true);
    expect(exits).toEqual([]);
  });
});
