/**
 * `npm run bench:page`: how soon the page answers and trains, on the production build, and how it compares
 * with Node. Three runs, each in a new browser, and their medians. `--write` keeps them in results/page.md.
 * Nothing fails because of a time.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium, type Browser } from '@playwright/test';
import { Profile, scriptBytes, type App } from '../e2e/app.ts';
import { findChromium, NO_BROWSER, QUIET } from '../e2e/browser.ts';
import { startServer } from '../e2e/server.ts';
import { longestTask, type LongestTask } from './trace.ts';
import { median } from './table/measure.ts';

const RUNS = 3;
const RECIPE = 'execution'; // what the page opens with
/** Updates between which speed is measured; the first few compile and fill caches. */
const [FROM, TO] = [5, 40];
/** Points of execution accuracy on the questions that the recipe evaluates on. */
const RAISED = 5;
/** Milliseconds of training of which every task is looked at. */
const TRACED = 20_000;
/** After the page was asked for: loading is not training. */
const LOADING = 2000;

/** What the page notes by itself, in milliseconds since it was asked for. */
interface Noted {
  interactive?: number;
  answered?: number;
  /** When the page showed so many updates. */
  updates: number[];
  /** When its curve of execution accuracy first ended RAISED points higher than it began. */
  raised?: number;
}

declare global {
  interface Window {
    noted: Noted;
  }
}

/** Runs in the page: looks at it once a frame. */
function note(raised: number): void {
  const noted: Noted = { updates: [] };
  window.noted = noted;
  const look = (): void => {
    const now = performance.now();
    const train = document.querySelector('.controls button.main[aria-disabled=false]');
    if (train) noted.interactive ??= now;
    if (document.querySelector('.ask blockquote')) noted.answered ??= now;
    const bar = '.controls progress[aria-label="Updates done"]';
    const done = document.querySelector<HTMLProgressElement>(bar)?.value ?? 0;
    if (done > 0) noted.updates[done] ??= now;
    const curve = document.querySelector('[aria-label^="Execution accuracy by update"]');
    const ends = /evaluation: first ([\d.]+)\s% .*, last ([\d.]+)\s% /.exec(
      curve?.getAttribute('aria-label') ?? '',
    );
    if (ends && Number(ends[2]) - Number(ends[1]) >= raised) noted.raised ??= now;
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

interface Measured {
  interactive: number;
  script: number;
  answered: number;
  firstUpdate: number;
  /** Since the page was asked for. */
  opened: number;
  raised: number;
  longest: LongestTask;
  /** Updates in a second. */
  tab: number;
  node: number;
}

const secondsBetween = (times: readonly number[]): number => (times[TO]! - times[FROM]!) / 1000;

async function train(
  browser: Browser,
  app: App,
): Promise<{ noted: Noted; pressed: number; raised: number; longest: LongestTask }> {
  const { page } = app;
  await page.locator('.ask blockquote').waitFor();
  const pressed = await app.now();
  await app.main.click();
  await app.updates(TO);
  const noted = await page.evaluate(() => window.noted);
  await browser.startTracing(page, { categories: ['-*', 'disabled-by-default-devtools.timeline'] });
  await page.waitForTimeout(TRACED);
  const seen = (await app.longTasks(LOADING)).map(({ duration }) => duration);
  const traced = longestTask(await browser.stopTracing());
  await page.waitForFunction(() => window.noted.raised !== undefined, null, { timeout: 300_000 });
  const raised = await page.evaluate(() => window.noted.raised!);
  return { noted, pressed, raised, longest: { ...traced, wall: Math.max(traced.wall, ...seen) } };
}

async function measureTab(executablePath: string): Promise<Omit<Measured, 'node'>> {
  const server = await startServer({ '/play/stepsql/': resolve('dist/page') });
  const browser = await chromium.launch({ executablePath, args: QUIET });
  try {
    const profile = await Profile.create(browser, { serviceWorkers: 'allow' });
    await profile.context.addInitScript(note, RAISED);
    const app = await profile.open(`${server.origin}/play/stepsql/`);
    const { noted, pressed, raised, longest } = await train(browser, app);
    return {
      interactive: noted.interactive!,
      script: scriptBytes(server.requests, 'page'),
      answered: noted.answered!,
      firstUpdate: noted.updates[1]! - pressed,
      opened: noted.updates[1]!,
      raised: raised - pressed,
      longest,
      tab: (TO - FROM) / secondsBetween(noted.updates),
    };
  } finally {
    await browser.close();
    await server.close();
  }
}

/** As many as the tab has (workers/replicas.ts). */
const THREADS = Math.max(1, Math.min(4, cpus().length - 1));

/** Updates per second of the command line, by when it tells of them. */
async function measureNode(): Promise<number> {
  const out = await mkdtemp(join(tmpdir(), 'stepsql-bench-'));
  const args = [
    'dist/node/cli.js',
    'train',
    RECIPE,
    '--backend',
    'wasm',
    '--workers',
    String(THREADS),
    '--out',
    join(out, 'run'),
  ];
  const cli = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const times: number[] = [];
  try {
    for await (const line of createInterface(cli.stderr)) {
      const update = /^(\d+)\/\d+ /.exec(line)?.[1];
      if (update) times[Number(update)] = performance.now();
      if (Number(update) === TO) break;
    }
  } finally {
    cli.kill('SIGKILL');
    await rm(out, { recursive: true, force: true, maxRetries: 3 });
  }
  return (TO - FROM) / secondsBetween(times);
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

const milliseconds = (ms: number): string => `${ms.toFixed(0)} ms`;

interface Row {
  what: string;
  goal: string;
  of: (run: Measured) => number;
  text: (value: number) => string;
}

const ROWS: Row[] = [
  {
    what: 'interactive: Train can be pressed',
    goal: '< 2 s',
    of: ({ interactive }) => interactive,
    text: seconds,
  },
  {
    what: 'first JavaScript, gzip',
    goal: '≤ 300 kB',
    of: ({ script }) => script,
    text: (bytes) => `${(bytes / 1000).toFixed(0)} kB`,
  },
  {
    what: 'sample question answered',
    goal: 'within seconds',
    of: ({ answered }) => answered,
    text: seconds,
  },
  {
    what: 'first update finished, after pressing Train',
    goal: '< 15 s',
    of: ({ firstUpdate }) => firstUpdate,
    text: seconds,
  },
  {
    what: 'first update finished, after opening the page (Train pressed once the sample is answered)',
    goal: '< 10 s',
    of: ({ opened }) => opened,
    text: seconds,
  },
  {
    what: `execution accuracy ${RAISED} points higher, after pressing Train`,
    goal: '',
    of: ({ raised }) => raised,
    text: seconds,
  },
  {
    what: 'longest task of the page’s thread',
    goal: '≤ 50 ms',
    of: ({ longest }) => longest.wall,
    text: milliseconds,
  },
  {
    what: '… on a processor',
    goal: '',
    of: ({ longest }) => longest.cpu,
    text: milliseconds,
  },
  {
    what: 'updates per second in the tab',
    goal: '',
    of: ({ tab }) => tab,
    text: (rate) => rate.toFixed(2),
  },
  {
    what: `updates per second in Node, threads as in the tab: ${THREADS}`,
    goal: '',
    of: ({ node }) => node,
    text: (rate) => rate.toFixed(2),
  },
  {
    what: 'tab ÷ Node',
    goal: '',
    of: ({ tab, node }) => tab / node,
    text: (ratio) => `${ratio.toFixed(2)}×`,
  },
];

function table(runs: readonly Measured[]): string {
  const lines = ROWS.map(({ what, goal, of, text }) => {
    const values = runs.map(of);
    return [what, text(median(values)), goal, values.map(text).join(', ')];
  });
  const header = ['', 'median', 'goal', 'runs'];
  const rule = header.map(() => '---');
  return [header, rule, ...lines].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

const executablePath = findChromium();
if (executablePath === undefined) throw new Error(NO_BROWSER);
const load = loadavg()[0]!.toFixed(1);
const runs: Measured[] = [];
let version = '';
for (let run = 1; run <= RUNS; run++) {
  const tab = await measureTab(executablePath);
  runs.push({ ...tab, node: await measureNode() });
  console.error(`run ${run} of ${RUNS}`);
}
const browser = await chromium.launch({ executablePath, args: QUIET });
version = browser.version();
await browser.close();
const report = `\`npm run bench:page\`, ${new Date().toISOString().slice(0, 10)}, on ${cpus().length} cores (${cpus()[0]!.model.trim()}, load ${load} at the start), Chromium ${version}, Node ${process.version}, wasm:

${table(runs)}

Recipe \`${RECIPE}\` with its defaults. The longest task is of ${TRACED / 1000} s of training, traced, and of everything else later than ${LOADING / 1000} s after the page was asked for. Speed is that of updates ${FROM} to ${TO}, evaluation and checkpoints included.
`;
console.log(report);
if (process.argv.includes('--write')) await writeFile('results/page.md', report);
