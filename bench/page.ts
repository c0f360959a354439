/**
 * `npm run bench:page`: what a visitor of the page waits for, from the production build below a sub-path,
 * in a fresh profile each time. Medians of three; the tab's updates are set beside Node's, in turns.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { chromium, type Page } from 'playwright';
import { findChromium, QUIET } from '../e2e/browser.ts';
import { startServer } from '../e2e/server.ts';

const ROUNDS = 3;
/** Updates timed, in the tab and in Node; evaluations and checkpoints of the preset included. */
const UPDATES = 60;
/** Tasks of the page's thread before this do not count: the page is still loading. */
const SETTLED_MS = 2000;

const built = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

interface Round {
  interactive: number;
  answered: number;
  firstUpdate: number;
  longest: number;
  tabUpdates: number;
  nodeUpdates: number;
}

/** Runs in the page before its own scripts. */
function watch(): void {
  const seen = { interactive: 0, answered: 0, tasks: [] as [start: number, ms: number][] };
  Object.assign(window, { seen });
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) seen.tasks.push([startTime, duration]);
  }).observe({ type: 'longtask', buffered: true });
  const look = (): void => {
    const train = [...document.querySelectorAll('button')].find(
      (button) => button.textContent?.trim() === 'Train',
    );
    if (train?.ariaDisabled !== 'true' && train) seen.interactive ||= performance.now();
    if (document.querySelector('blockquote')) seen.answered ||= performance.now();
    if (!seen.interactive || !seen.answered) setTimeout(look, 10);
  };
  document.addEventListener('DOMContentLoaded', look);
}

type Seen = { interactive: number; answered: number; tasks: [start: number, ms: number][] };
const seenIn = (page: Page): Promise<Seen> =>
  page.evaluate(() => (window as unknown as { seen: Seen }).seen);

const untilUpdate = (page: Page, count: number) =>
  page.waitForFunction(
    (wanted) => {
      const bar = document.querySelector<HTMLProgressElement>('.controls progress');
      return bar !== null && bar.value >= wanted;
    },
    count,
    { timeout: 300_000, polling: 20 },
  );

async function inTab(address: string): Promise<Omit<Round, 'nodeUpdates'>> {
  const executablePath = findChromium();
  const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const browser = await chromium.launch({
    ...(executablePath && { executablePath }),
    args: [...QUIET, ...asRoot],
  });
  try {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    await context.addInitScript(watch);
    const page = await context.newPage();
    await page.goto(address);
    await page.getByText('Answer of the warm start').waitFor();
    const pressed = performance.now();
    await page.getByRole('button', { name: 'Train', exact: true }).click();
    await untilUpdate(page, 1);
    const first = performance.now();
    await untilUpdate(page, 1 + UPDATES);
    const last = performance.now();
    const { interactive, answered, tasks } = await seenIn(page);
    const settled = tasks.filter(([start]) => start > SETTLED_MS).map(([, ms]) => ms);
    return {
      ...{ interactive, answered, firstUpdate: first - pressed },
      longest: Math.max(0, ...settled),
      tabUpdates: UPDATES / ((last - first) / 1000),
    };
  } finally {
    await browser.close();
  }
}

/** Updates a second of the same preset in Node, from the first update on. */
async function inNode(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'stepsql-bench-'));
  const updates = 1 + UPDATES;
  try {
    const out = join(folder, 'run');
    let [first, last] = [0, 0];
    const run = promisify(execFile)(
      process.execPath,
      [
        built('./cli.js'),
        'train',
        'execution',
        '--backend',
        'wasm',
        '--out',
        out,
        '--set',
        `grpo.num_updates=${updates}`,
      ],
      { maxBuffer: 64 << 20 },
    );
    run.child.stderr?.on('data', (text: Buffer) => {
      const update = Number(/^(\d+)\/\d+ /m.exec(String(text))?.[1] ?? 0);
      if (update === 1) first = performance.now();
      if (update === updates) last = performance.now();
    });
    await run;
    return UPDATES / ((last - first) / 1000);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const server = await startServer({ '/play/stepsql/': built('../page') });
const rounds: Round[] = [];
for (let round = 0; round < ROUNDS; round++) {
  const tab = await inTab(`${server.origin}/play/stepsql/`);
  rounds.push({ ...tab, nodeUpdates: await inNode() });
}
await server.close();

const of = (key: keyof Round): number => median(rounds.map((round) => round[key]));
const all = (key: keyof Round, digits: number): string =>
  rounds.map((round) => round[key].toFixed(digits)).join(', ');
const ratio = median(rounds.map((round) => round.tabUpdates / round.nodeUpdates));
console.log(`| | median of ${ROUNDS} | goal | each |
| --- | --- | --- | --- |
| Train can be pressed | ${of('interactive').toFixed(0)} ms | < 2 s | ${all('interactive', 0)} |
| sample question answered | ${of('answered').toFixed(0)} ms | | ${all('answered', 0)} |
| first update after pressing Train | ${(of('firstUpdate') / 1000).toFixed(1)} s | < 15 s | ${all('firstUpdate', 0)} ms |
| longest task of the page's thread after 2 s, ${UPDATES} updates | ${of('longest').toFixed(0)} ms (0: none above 50) | ≤ 50 ms | ${all('longest', 0)} |
| updates a second beside Node's | ${ratio.toFixed(2)}× | | ${all('tabUpdates', 2)} against ${all('nodeUpdates', 2)} |

${availableParallelism()} cores, Node ${process.version}, load ${loadavg()[0]!.toFixed(1)} at the end.`);
