/** Workers that die, files that do not come, storage that is full: the run is never the worse for it. */
import { encodeLink } from '../src/core/recipe/link.ts';
import { Profile, type App } from './app.ts';
import { trainInNode, type NodeRun } from './node.ts';
import { smallRecipe } from './recipes.ts';
import { expect, test } from './test.ts';
import { doTo, hookWorkers, type Deed, type WorkerName } from './workers.ts';

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
  const deeds: Deed[] = ['close', 'close-on-message', 'throw', 'close-on-message'];
  for (const [i, deed] of deeds.entries()) {
    await app.updates(1 + i);
    await doTo(app.page, 'sql', deed);
  }
  await app.finished();
  await expect(app.notices).toHaveCount(0);
  await expectUndisturbed(app);
  expect(await profile.unexpected(/thrown by a test/)).toEqual([]);
  await profile.close();
  unhook();
});

for (const [worker, deed] of [
  ['policy', 'close'],
  ['policy', 'throw'],
  ['reward', 'close'],
  ['reward', 'close-on-message'],
] as [WorkerName, Deed][]) {
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
      /went back to its checkpoint at update (3|6) and goes on/,
    );
    console.log(await app.notices.allTextContents());
    await app.finished();
    await expectUndisturbed(app);
    await expect(app.notices).toHaveCount(1);
    expect(await profile.unexpected(/thrown by a test/)).toEqual([]);
    await profile.close();
    unhook();
  });
}
