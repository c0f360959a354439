/** Playwright's `test` with the server, and with every test skipped where there is no browser. */
import { test as base } from '@playwright/test';
import { findChromium, NO_BROWSER, PLAIN_HOST } from './browser.ts';
import { HARNESS, PAGE, PUBLIC } from './paths.ts';
import { startServer, type TestServer } from './server.ts';

export interface Site extends TestServer {
  /** The production build of the page, below a path. */
  readonly page: string;
  /** The same over plain http on a name that is not local: no secure context. */
  readonly plainPage: string;
  /** Core alone in a page and a worker (`harness/`), and the folder with the checkpoints. */
  readonly harness: string;
  readonly files: string;
}

const MOUNTS = { '/play/stepsql/': PAGE, '/play/harness/': HARNESS, '/play/files/': PUBLIC };

interface WorkerFixtures {
  site: Site;
}

interface TestFixtures {
  /** Comes before anything that would start a browser. */
  browserThere: true;
}

export const test = base.extend<TestFixtures, WorkerFixtures>({
  site: [
    async ({ playwright: _ }, use) => {
      const server = await startServer(MOUNTS);
      await use({
        ...server,
        page: `${server.origin}/play/stepsql/`,
        plainPage: `http://${PLAIN_HOST}:${server.port}/play/stepsql/`,
        harness: `${server.origin}/play/harness/`,
        files: `${server.origin}/play/files/`,
      });
      await server.close();
    },
    { scope: 'worker' },
  ],
  browserThere: [
    async ({ playwright: _ }, use, info) => {
      info.skip(findChromium() === undefined, NO_BROWSER);
      await use(true);
    },
    { auto: true },
  ],
});

export { expect } from '@playwright/test';
