/** What keeps the page safe and at work: its policy, its path, plain http, no network, a new version. */
import { createHash } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeLink } from '../src/core/recipe/link.ts';
import { Profile, type App } from './app.ts';
import { part } from './flows.ts';
import { trainInNode } from './node.ts';
import { PAGE } from './paths.ts';
import { smallRecipe } from './recipes.ts';
import { startServer, type TestServer } from './server.ts';
import { expect, test } from './test.ts';

const RECIPE = smallRecipe();
const SHORT = smallRecipe('grpo.num_updates=2');
const WITH_SERVICE_WORKER = { serviceWorkers: 'allow' } as const;

/** The page has answered its first question. */
const answered = (app: App) => expect(app.page.getByText('Answer of the warm start')).toBeVisible();

const worksOffline = (app: App) =>
  expect(app.page.getByText('The page works offline.')).toBeVisible({ timeout: 60_000 });

/** What becomes of code made from text and of a request to another site; runs in a page or a worker. */
async function probe(elsewhere: string): Promise<{ code: string; request: string }> {
  // A test's own code is exempt from the policy; what a timer runs is not.
  return new Promise((resolve) => {
    setTimeout(async () => {
      let code = 'runs';
      try {
        new Function('return 1')();
      } catch (error) {
        code = (error as Error).name;
      }
      const request = await fetch(elsewhere, { mode: 'no-cors' }).then(
        () => 'sent',
        () => 'refused',
      );
      resolve({ code, request });
    });
  });
}

const REFUSED = { code: 'EvalError', request: 'refused' };

test('nothing but the page itself is run or reached, and its own work breaks no rule', async ({
  browser,
  site,
}) => {
  const before = site.requests.length;
  const profile = await Profile.create(browser);
  const asked: string[] = [];
  profile.context.on('request', (request) => asked.push(request.url()));
  const app = await profile.openWith(site.page, SHORT);
  await answered(app);
  await app.main.click();
  await app.finished();
  await app.button('Share').click();
  await app.button('Done').click();
  expect(await profile.unexpected()).toEqual([]);

  const requests = site.requests.slice(before);
  expect(requests.filter(({ status }) => status !== 200)).toEqual([]);
  expect(requests.filter(({ path }) => !path.startsWith('/play/stepsql/'))).toEqual([]);
  expect(asked.filter((url) => !url.startsWith(site.page))).toEqual([]);

  const elsewhere = await startServer({});
  expect(await app.page.evaluate(probe, elsewhere.origin)).toEqual(REFUSED);
  expect(elsewhere.requests).toEqual([]);
  await elsewhere.close();
  await profile.close();
});

test('licences of third-party code are one press away', async ({ browser, site }) => {
  const profile = await Profile.create(browser);
  const app = await profile.open(site.page);
  await app.page.getByRole('link', { name: 'licences of third-party code' }).click();
  await expect(app.page.locator('body')).toContainText('sql.js');
  await expect(app.page.locator('body')).toContainText('Permission is hereby granted');
  await profile.close();
});

test('over plain http the page says what it lacks, trains all the same, and reproduces a link', async ({
  browser,
  site,
}) => {
  const { recipe, fingerprint } = await trainInNode(encodeLink(RECIPE));
  const profile = await Profile.create(browser);
  const app = await profile.open(site.plainPage + encodeLink(recipe, fingerprint));
  expect(await app.page.evaluate(() => isSecureContext)).toBe(false);
  await expect(app.notices).toHaveCount(1);
  await expect(app.notices).toContainText(
    'This page came over plain http, so it has no WebGPU, does not work offline',
  );
  await app.button(/^Trains on wasm/).click();
  const why = 'browsers offer WebGPU on https and localhost only';
  await expect(app.page.getByText(why)).toBeVisible();
  await answered(app);
  await app.button('Reproduce').click();
  await app.finished();
  await expect(part(app, 'Reproduction')).toContainText(
    'The same, bit for bit, over all 8 updates.',
  );
  expect(await app.fingerprint()).toEqual(fingerprint);
  expect(await profile.unexpected()).toEqual([]);
  await profile.close();
});

test('after one visit the page opens, answers and trains without a network', async ({
  browser,
  site,
}) => {
  const profile = await Profile.create(browser, WITH_SERVICE_WORKER);
  const first = await profile.open(site.page);
  await worksOffline(first);
  await first.page.close();

  site.setOffline(true);
  await profile.context.setOffline(true);
  const before = site.requests.length;
  const app = await profile.openWith(site.page, SHORT);
  await answered(app);
  await app.main.click();
  await app.finished();
  expect((await app.runs())[0]!.checkpoints).toHaveLength(1);
  expect(site.requests.slice(before)).toEqual([]);
  await profile.context.setOffline(false);
  site.setOffline(false);

  // What the service worker serves obeys the page's policy, workers included.
  const elsewhere = await startServer({});
  const workers = app.page.workers();
  expect(workers.length).toBeGreaterThan(1);
  for (const worker of workers) {
    expect(await worker.evaluate(probe, elsewhere.origin)).toEqual(REFUSED);
  }
  expect(elsewhere.requests).toEqual([]);
  await elsewhere.close();
  await profile.close();
});

/** Makes another version of the page in `folder`: its document changes, and what the service worker keeps. */
async function deploy(folder: string, version: string): Promise<void> {
  const [document, worker] = [join(folder, 'index.html'), join(folder, 'sw.js')];
  const html = (await readFile(document, 'utf8')).replace(
    /<title>.*<\/title>/,
    `<title>${version}</title>`,
  );
  const hash = createHash('sha256').update(html);
  const integrity = `sha256-${hash.copy().digest('base64')}`;
  const entry = `{url:"index.html",revision:"${hash.digest('hex').slice(0, 16)}",integrity:"${integrity}"}`;
  const script = await readFile(worker, 'utf8');
  const deployed = script.replace(/\{url:"index\.html"[^}]*\}/, entry);
  expect(deployed).not.toBe(script);
  await writeFile(document, html);
  await writeFile(worker, deployed);
}

test('a new version waits for the run to end, and says so', async ({ browser }) => {
  const folder = await mkdtemp(join(tmpdir(), 'stepsql-e2e-'));
  await cp(PAGE, folder, { recursive: true });
  const server: TestServer = await startServer({ '/play/stepsql/': folder });
  const address = `${server.origin}/play/stepsql/`;
  const profile = await Profile.create(browser, WITH_SERVICE_WORKER);
  const first = await profile.open(address);
  await worksOffline(first);
  await first.page.close();

  const app = await profile.openWith(address, RECIPE);
  await app.main.click();
  await app.updates(2);
  await deploy(folder, 'The next version');
  await app.page.evaluate(async () => (await navigator.serviceWorker.ready).update());
  await expect(app.notices).toContainText(
    'A new version is ready. It starts once every tab of StepSQL has been closed.',
  );
  await app.finished();
  expect(await profile.unexpected()).toEqual([]);

  // Another tab beside it still has the version that is in use.
  const beside = await profile.open(address);
  expect(await beside.page.title()).toBe('StepSQL');
  await beside.page.close();
  await app.page.close();
  const next = await profile.open(address);
  await expect(next.page).toHaveTitle('The next version');
  await expect(next.progress).toContainText('Finished: 8 updates');
  await profile.close();
  await server.close();
  await rm(folder, { recursive: true, force: true });
});
