import { expect, it } from 'vitest';
import { badInput } from '../errors.ts';
import {
  errorResponse,
  type Request,
  type Response,
  WorkerCalls,
  type WorkerPort,
} from './call.ts';

/** A worker that answers as told, through a real message queue. */
function fakePort(answer: (request: Request, post: (response: Response) => void) => void): {
  port: WorkerPort;
  exit: (reason: string) => void;
} {
  const { port1, port2 } = new MessageChannel();
  let exit: (reason: string) => void = () => {};
  port2.onmessage = ({ data }) =>
    answer(data as Request, (response) => port2.postMessage(response));
  const port: WorkerPort = {
    post: (message) => port1.postMessage(message),
    onMessage: (handler) => (port1.onmessage = ({ data }) => handler(data)),
    onExit: (handler) => (exit = handler),
    terminate: () => Promise.resolve(port1.close()),
  };
  return { port, exit: (reason) => exit(reason) };
}

const limits = { firstDeadlineMs: 60, deadlineMs: 60 };
const now = (): number => performance.now();

it('errors cross as code, message and field', async () => {
  const { port } = fakePort(({ id }, post) => {
    post(errorResponse(id, badInput('database', 'x', 'a hash')));
  });
  await expect(new WorkerCalls(port, now).call({}, limits)).rejects.toMatchObject({
    code: 'bad_input',
    message: 'database: got "x", expected a hash',
    field: 'database',
  });
  await port.terminate();
});

it('settles at exit, and at once afterwards', async () => {
  const { port, exit } = fakePort(() => {});
  const calls = new WorkerCalls(port, now);
  const pending = calls.call({}, limits);
  exit('out of memory');
  const stopped = { code: 'worker_exit', message: 'the worker stopped: out of memory' };
  await expect(pending).rejects.toMatchObject(stopped);
  await expect(calls.call({}, limits)).rejects.toMatchObject(stopped);
  await port.terminate();
});

it('settles at the deadline, which every event puts off', async () => {
  const events: unknown[] = [];
  const { port } = fakePort(({ id }, post) => {
    for (const delay of [30, 60, 90]) {
      setTimeout(() => post({ id, kind: 'event', body: delay }), delay);
    }
  });
  const call = new WorkerCalls(port, now).call({}, { ...limits, onEvent: (e) => events.push(e) });
  await expect(call).rejects.toMatchObject({ code: 'deadline' });
  expect(events).toEqual([30, 60, 90]);
  await port.terminate();
});

it('sees an answer that came while this thread was busy', async () => {
  const { port } = fakePort(({ id }, post) => {
    post({ id, kind: 'event', body: 'running' });
    post({ id, kind: 'result', body: 'done' });
  });
  const busy = (): void => {
    const until = now() + 150;
    while (now() < until);
  };
  const result = new WorkerCalls(port, now).call({}, { ...limits, onEvent: busy });
  busy();
  expect(await result).toBe('done');
  await port.terminate();
});
