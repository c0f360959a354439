/** The page as a visitor meets it, and what the tests need to see of it beside. */
import {
  expect,
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  type Page,
} from '@playwright/test';
import type { Fingerprint } from '../src/core/recipe/fingerprint.ts';
import { encodeLink } from '../src/core/recipe/link.ts';
import type { Recipe } from '../src/core/recipe/schema.ts';
import type { ServedRequest } from './server.ts';

export interface LongTask {
  /** Milliseconds since the page was asked for. */
  start: number;
  duration: number;
}

/** A run's record, as far as tests look at it. */
export interface StoredRun {
  id: string;
  changed: number;
  checkpoints: { step: number; bytes: number }[];
  fingerprint: Fingerprint | null;
}

interface Watched {
  longTasks: LongTask[];
  violations: string[];
}

declare global {
  interface Window {
    watched: Watched;
  }
}

/** Runs in the page before its own scripts. */
function watch(): void {
  const watched: Watched = { longTasks: [], violations: [] };
  window.watched = watched;
  new PerformanceObserver((list) => {
    for (const { startTime: start, duration } of list.getEntries()) {
      watched.longTasks.push({ start, duration });
    }
  }).observe({ type: 'longtask', buffered: true });
  document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
    watched.violations.push(`${violatedDirective}: ${blockedURI}`),
  );
}

/** A profile: its tabs share storage, other profiles share nothing with it. */
export class Profile {
  readonly context: BrowserContext;
  /** Errors of pages and workers, broken CSP, files that did not come. */
  readonly problems: string[] = [];

  constructor(context: BrowserContext) {
    this.context = context;
  }

  static async create(browser: Browser, options: BrowserContextOptions = {}): Promise<Profile> {
    const context = await browser.newContext({ serviceWorkers: 'block', ...options });
    await context.addInitScript(watch);
    const profile = new Profile(context);
    context.on('weberror', (error) => profile.problems.push(String(error.error())));
    context.on('console', (message) => {
      if (message.type() === 'error') profile.problems.push(message.text());
    });
    return profile;
  }

  /** A tab at an address. */
  async open(address: string): Promise<App> {
    const page = await this.context.newPage();
    await page.goto(address);
    return new App(page, this);
  }

  /** A tab with the settings of `recipe`, as a link brings them. Nothing runs yet. */
  async openWith(address: string, recipe: Recipe): Promise<App> {
    const app = await this.open(address + encodeLink(recipe));
    await app.button('Use these settings').click();
    return app;
  }

  /** Problems so far, but those that a test expects; CSP violations of the open tabs included. */
  async unexpected(...expected: RegExp[]): Promise<string[]> {
    const perPage = await Promise.all(
      this.context.pages().map((page) => page.evaluate(() => window.watched.violations)),
    );
    const all = [...this.problems, ...perPage.flat()];
    return all.filter((problem) => !expected.some((pattern) => pattern.test(problem)));
  }

  close(): Promise<void> {
    return this.context.close();
  }
}

/** Of the run that is open: the list of runs has such bars too. */
const UPDATES_DONE = '.controls progress[aria-label="Updates done"]';

/** One tab with the page in it. */
export class App {
  readonly page: Page;
  readonly profile: Profile;

  constructor(page: Page, profile: Profile) {
    this.page = page;
    this.profile = profile;
  }

  button(name: string | RegExp) {
    return this.page.getByRole('button', { name });
  }

  /** Train, Resume or Pause: the button that says what comes next. */
  get main() {
    return this.#training.getByRole('button').first();
  }

  get #training() {
    return this.page.getByRole('group', { name: 'Training' });
  }

  /** Where the run is, in the page's words: "Update 3 of 20 · …". */
  get progress() {
    return this.#training.locator('..').locator('.figures');
  }

  /** Updates done, as the page shows them. */
  async done(): Promise<number> {
    const bar = this.page.locator(UPDATES_DONE);
    return (await bar.count()) === 0 ? 0 : Number(await bar.getAttribute('value'));
  }

  /** Waits until the page shows at least so many updates. */
  async updates(count: number, timeout = 120_000): Promise<void> {
    await this.page.waitForFunction(
      ([selector, wanted]) => {
        const bar = document.querySelector<HTMLProgressElement>(selector);
        return bar !== null && bar.value >= wanted;
      },
      [UPDATES_DONE, count] as const,
      { timeout },
    );
  }

  /** Messages above everything else. */
  get notices() {
    return this.page.locator('.messages .notice');
  }

  /** Waits until the run has finished. */
  async finished(timeout = 120_000): Promise<void> {
    await expect(this.progress).toContainText('Finished', { timeout });
  }

  /** Runs as the browser keeps them, latest change first. */
  runs(): Promise<StoredRun[]> {
    return this.page.evaluate(
      () =>
        new Promise<StoredRun[]>((resolve, reject) => {
          const opening = indexedDB.open('stepsql');
          opening.onerror = () => reject(opening.error!);
          opening.onsuccess = () => {
            const all = opening.result.transaction('runs').objectStore('runs').getAll();
            all.onerror = () => reject(all.error!);
            all.onsuccess = () => {
              opening.result.close();
              const runs = all.result as StoredRun[];
              resolve(runs.sort((a, b) => b.changed - a.changed));
            };
          };
        }),
    );
  }

  /** Fingerprint at the last checkpoint of the run changed last. */
  async fingerprint(): Promise<Fingerprint | null> {
    return (await this.runs())[0]?.fingerprint ?? null;
  }

  /** Long tasks of the page's thread that began after `since`, ms since the page was asked for. */
  longTasks(since = 0): Promise<LongTask[]> {
    return this.page.evaluate(
      (since) => window.watched.longTasks.filter(({ start }) => start > since),
      since,
    );
  }

  /** Milliseconds since the page was asked for. */
  now(): Promise<number> {
    return this.page.evaluate(() => performance.now());
  }
}

/** Bytes of the scripts among `requests` as gzip sends them: of the page itself, or of its workers. */
export function scriptBytes(requests: readonly ServedRequest[], of: 'page' | 'workers'): number {
  const destinations = of === 'page' ? ['script'] : ['worker', 'sharedworker'];
  return requests
    .filter(({ path, destination }) => path.endsWith('.js') && destinations.includes(destination))
    .reduce((sum, { gzip }) => sum + gzip, 0);
}
