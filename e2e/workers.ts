/**
 * What tests do to the page's workers. A hook is put before each worker's script as it is served, so it
 * reaches workers of workers; tests speak to it over a BroadcastChannel of the page's origin.
 */
import type { Page } from '@playwright/test';
import type { TestServer } from './server.ts';

export type WorkerName = 'policy' | 'reward' | 'sql';

/**
 * `close` ends the worker without a word, as a crash does; `throw` is an uncaught error; `close-on-message`
 * ends it when its next message arrives, so that what was asked is never answered; `destroy-device` takes
 * its GPU away.
 */
export type Deed = 'close' | 'throw' | 'close-on-message' | 'destroy-device';

const CHANNEL = 'stepsql-e2e';

/** Runs inside the worker, before anything of its own. */
function hook(channelName: string): void {
  const name = /(\w+)\.worker/.exec(self.location.pathname)?.[1];
  const channel = new BroadcastChannel(channelName);
  const devices: GPUDevice[] = [];
  const adapter = (self as { GPUAdapter?: typeof GPUAdapter }).GPUAdapter?.prototype;
  if (adapter) {
    const request = adapter.requestDevice;
    adapter.requestDevice = async function (this: GPUAdapter, ...wanted) {
      const device = await request.apply(this, wanted);
      devices.push(device);
      return device;
    };
  }
  let doomed = false;
  self.addEventListener('message', (event) => {
    if (!doomed) return;
    event.stopImmediatePropagation();
    self.close();
  });
  channel.onmessage = ({ data }: MessageEvent<{ to?: string; deed?: Deed }>) => {
    if (data.to !== name) return;
    channel.postMessage({ from: name });
    if (data.deed === 'close') self.close();
    else if (data.deed === 'close-on-message') doomed = true;
    else if (data.deed === 'destroy-device') devices.forEach((device) => device.destroy());
    else {
      setTimeout(() => {
        throw new Error('thrown by a test');
      });
    }
  };
}

/** Hooks the workers that start from now on. Returns what ends that. */
export const hookWorkers = (server: TestServer): (() => void) =>
  server.prepend(
    /\/(policy|reward|sql)\.worker[^/]*\.js$/,
    `(${hook})(${JSON.stringify(CHANNEL)});`,
  );

/** Does `deed` to every living worker of that name; returns how many there were. Throws when none answers. */
export async function doTo(page: Page, to: WorkerName, deed: Deed): Promise<number> {
  const reached = await page.evaluate(
    async ([channelName, to, deed]) => {
      const channel = new BroadcastChannel(channelName);
      let answers = 0;
      const first = new Promise<void>((resolve) => {
        channel.onmessage = ({ data }: MessageEvent<{ from?: string }>) => {
          if (data.from !== to) return;
          answers++;
          resolve();
        };
      });
      channel.postMessage({ to, deed });
      const wait = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));
      await Promise.race([first, wait(20_000)]);
      await wait(100); // others answer at the same time
      channel.close();
      return answers;
    },
    [CHANNEL, to, deed] as const,
  );
  if (reached === 0)
    throw new Error(`no ${to} worker answered: hookWorkers() comes before the page`);
  return reached;
}
