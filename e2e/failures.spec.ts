/** Workers that die, files that do not come, storage that is full: the run is never the worse for it. */
import { encodeLink } from '../src/core/recipe/link.ts';
import { Profile, type App } from './app.ts';
import { trainInNode, type NodeRun } from './node.ts';
import { smallRecipe } from './recipes.ts';
import { expect, test } from './test.ts';
import { doTo, hookWorkers, type Deed } from './workers.ts';

const RECIPE = smallRecipe();

let undisturbed: Promise<NodeRun> | undefined; // one for all tests, none when they are skipped

/** The run ended as it does in Node, where nothing disturbs it. */
async function expectUndisturbed(app: App): Promise<void> {
  undisturbed ??= trainInNode(encodeLink(RECIPE));
  expect(await app.fingerprint()).toEqual((await undisturbed).fingerprint);
}

test('SQL workers killed in mid-run are replaced, and nobody notices', async ({
  browser,
  site,
}) => {
  const unhook = hookWorkers(site);
  const profile = await Profile.create(browser);
  const app = await profile.openWith(site.page, RECIPE);
  await app.main.click();
  const deeds: Deed[] = ['close-on-message', 'close', 'throw', 'close-on-message'];
  for (const [i, deed] of deeds.entries()) {
    await app.updates(1 + i);
    await doTo(app.page, 'sql', deed);
  }
  await app.finished();
  await expect(app.notices).toHaveCount(0);
  await expectUndisturbed(app);
  expect(await profile.unexpected()).toEqual([]);
  await profile.close();
  unhook();
});

for (const worker of ['policy', 'reward'] as const) {
  for (const [deed, said] of [
    ['close', 'it ended without a word'],
    ['throw', 'Uncaught Error: thrown by a test'],
  ] as const) {
    test(`${worker} worker lost (${deed}): back to the last checkpoint, and on`, async ({
      browser,
      site,
    }) => {
      const unhook = hookWorkers(site);
      const profile = await Profile.create(browser);
      const app = await profile.openWith(site.page, RECIPE);
      await app.main.click();
      await app.updates(4);
      await doTo(app.page, worker, deed);
      await expect(app.notices).toContainText(
        /The worker stopped: (.+)\. The run went back to its checkpoint at update (3|6) and goes on\./,
      );
      await expect(app.notices).toContainText(said);
      await app.finished();
      await expect(app.notices).toHaveCount(1);
      await expectUndisturbed(app);
      expect(await profile.unexpected()).toEqual([]);
      await profile.close();
      unhook();
    });
  }
}

/** Ends a worker that is asked to train, until it is told otherwise. */
function dieOnTrain(): void {
  let ill = true;
  new BroadcastChannel('stepsql-e2e-cure').onmessage = () => (ill = false);
  self.addEventListener('message', (event) => {
    const { path } = event.data as { path?: string[] };
    if (!ill || path?.[0] !== 'train') return;
    event.stopImmediatePropagation();
    self.close();
  });
}

test('lost three times in a row, a run stands at its checkpoint until it is resumed', async ({
  browser,
  site,
}) => {
  const unhook = hookWorkers(site);
  const profile = await Profile.create(browser);
  const app = await profile.openWith(site.page, RECIPE);
  await app.main.click();
  await app.updates(4);
  const infect = site.prepend(/\/policy\.worker[^/]*\.js$/, `(${dieOnTrain})();`);
  await doTo(app.page, 'policy', 'close');
  await expect(app.progress).toContainText('Paused at update 3 of 8');
  await expect(app.main).toHaveText('Resume');
  const said = await app.notices.allTextContents();
  expect(said[0]).toContain('The run stands at its checkpoint at update 3');
  expect(said[1]).toContain('went back to its checkpoint at update 3 and goes on');
  expect((await app.runs())[0]!.checkpoints.at(-1)!.step).toBe(3);

  infect();
  await app.page.evaluate(() => new BroadcastChannel('stepsql-e2e-cure').postMessage('be well'));
  await app.main.click();
  await app.finished();
  await expectUndisturbed(app);
  await profile.close();
  unhook();
});

test('without a connection Train says what did not come, and works once it is back', async ({
  browser,
  site,
}) => {
  const profile = await Profile.create(browser);
  const app = await profile.openWith(site.page, RECIPE);
  await expect(app.page.getByText('Answer of the warm start')).toBeVisible();
  site.setOffline(true);
  await app.main.click();
  await expect(app.notices).toContainText(
    /Checkpoints\/warm-0\/\S+ could not be fetched: is there a connection\?/,
  );
  await expect(app.main).toHaveText('Train');
  await expect(app.progress).toContainText('Ready: 8 updates');
  expect(await app.runs()).toEqual([]);

  site.setOffline(false);
  await app.main.click();
  await app.finished();
  await expectUndisturbed(app);
  await profile.close();
});

test('when storage is full the last checkpoint stays, and the run goes on once there is room', async ({
  browser,
  site,
}) => {
  const profile = await Profile.create(browser);
  const app = await profile.openWith(site.page, RECIPE);
  const browserSide = await profile.context.newCDPSession(app.page);
  const room = (quotaSize?: number) =>
    browserSide.send('Storage.overrideQuotaForOrigin', {
      origin: site.origin,
      ...(quotaSize !== undefined && { quotaSize }),
    });
  await room(5e6); // a checkpoint of this run takes 2.8 MB
  await app.main.click();
  await expect(app.progress).toContainText('Paused at update');
  await expect(app.notices).toContainText('The browser has no room left for this run');
  await expect(app.notices).toContainText('The run stands at its checkpoint at update 3.');
  expect((await app.runs())[0]!.checkpoints.map(({ step }) => step)).toEqual([3]);

  await room();
  await app.main.click();
  await app.finished();
  await expectUndisturbed(app);
  await profile.close();
});

test('out of memory: the page says what would fit, and the settings are there to be changed', async ({
  browser,
  site,
}) => {
  // A cache of more than 4 GB for each layer, refused before anything is written to memory.
  const tooLarge = ['grpo.num_generations=64', 'grpo.max_completion_length=512', 'eval.every=0'];
  const profile = await Profile.create(browser);
  const recipe = smallRecipe('grpo.prompts_per_update=256', ...tooLarge);
  const app = await profile.openWith(site.page, recipe);
  await app.main.click();
  await expect(app.notices).toContainText(
    /this run needs about [\d.]+ GB of the 4\.0 GB there are at most; with grpo\.prompts_per_update \d+ it would need about [\d.]+ GB\./,
  );
  await expect(app.progress).toContainText('Ready: 8 updates');
  await app.page.getByLabel('Samples per prompt').fill('4');
  await app.page.getByLabel('Prompts per update').fill('4');
  await app.main.click();
  await app.updates(1);
  await profile.close();
});
