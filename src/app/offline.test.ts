import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TAKE_OVER } from '../sw/messages.ts';
import { registerOffline, type OfflineState } from './offline.ts';

class FakeWorker extends EventTarget {
  state = 'installing';
  postMessage = vi.fn();
}

class FakeRegistration extends EventTarget {
  installing: FakeWorker | null = null;
  waiting: FakeWorker | null = null;
  active: FakeWorker | null = null;

  /** Moves a worker as the browser does. */
  move(worker: FakeWorker, state: 'installing' | 'installed' | 'activated' | 'redundant'): void {
    for (const place of ['installing', 'waiting', 'active'] as const) {
      if (this[place] === worker) this[place] = null;
    }
    if (state === 'installing') this.installing = worker;
    if (state === 'installed') this.waiting = worker;
    if (state === 'activated') this.active = worker;
    worker.state = state;
    if (state === 'installing') this.dispatchEvent(new Event('updatefound'));
    else worker.dispatchEvent(new Event('statechange'));
  }
}

const registration = () => new FakeRegistration();
const register = vi.fn<(url: URL, options: object) => Promise<FakeRegistration>>();

describe('registerOffline', () => {
  let states: OfflineState[];
  const start = (after?: Promise<unknown>) => registerOffline((state) => states.push(state), after);

  beforeEach(() => {
    states = [];
    register.mockReset();
    vi.stubEnv('PROD', true);
    vi.stubGlobal('isSecureContext', true);
    vi.stubGlobal('navigator', { serviceWorker: { register } });
    vi.stubGlobal('document', { readyState: 'complete', baseURI: 'https://host/sub/path/?a#b' });
  });

  afterEach(() => {
    vi.unstubAllEnvs();
    vi.unstubAllGlobals();
  });

  it.each([
    ['in development', () => vi.stubEnv('PROD', false)],
    ['on plain http', () => vi.stubGlobal('isSecureContext', false)],
    ['without service workers', () => vi.stubGlobal('navigator', {})],
  ])('does nothing %s', async (_, arrange) => {
    arrange();
    await start();
    expect(states).toEqual(['unsupported']);
    expect(register).not.toHaveBeenCalled();
  });

  it('keeps files on a first visit, then serves this page too', async () => {
    const made = registration();
    const worker = new FakeWorker();
    made.move(worker, 'installing');
    register.mockResolvedValue(made);
    await start();
    expect(register.mock.calls[0]![0].href).toBe('https://host/sub/path/sw.js');
    made.move(worker, 'installed');
    expect(states).toEqual(['preparing']);
    expect(worker.postMessage).not.toHaveBeenCalled();
    made.move(worker, 'activated');
    expect(states).toEqual(['preparing', 'ready']);
    expect(worker.postMessage.mock.calls).toEqual([[TAKE_OVER]]);
  });

  it('says so when files cannot be kept', async () => {
    const made = registration();
    const worker = new FakeWorker();
    made.move(worker, 'installing');
    register.mockResolvedValue(made);
    await start();
    made.move(worker, 'redundant');
    expect(states).toEqual(['preparing', 'unsupported']);
  });

  it('says so when the browser refuses', async () => {
    register.mockRejectedValue(new Error('storage'));
    await start();
    expect(states).toEqual(['preparing', 'unsupported']);
  });

  it('is ready at once on a later visit, and says when a new version waits', async () => {
    const made = registration();
    const [old, next] = [new FakeWorker(), new FakeWorker()];
    made.active = old;
    register.mockResolvedValue(made);
    await start();
    expect(states).toEqual(['preparing', 'ready']);
    made.move(next, 'installing');
    made.move(next, 'installed');
    expect(states).toEqual(['preparing', 'ready', 'update waiting']);
    expect([...old.postMessage.mock.calls, ...next.postMessage.mock.calls]).toEqual([]);
  });

  it('waits for what comes first, even if that fails, and for the page', async () => {
    const page = new EventTarget();
    vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
    vi.stubGlobal('document', { readyState: 'interactive', baseURI: 'https://host/' });
    register.mockResolvedValue(registration());
    let fail = (): void => undefined;
    const started = start(
      new Promise((_, reject) => (fail = () => reject(new Error('no policy')))),
    );
    await Promise.resolve();
    expect(register).not.toHaveBeenCalled();
    fail();
    await vi.waitFor(() => {
      page.dispatchEvent(new Event('load'));
      expect(register).toHaveBeenCalledOnce();
    });
    await started;
  });
});
