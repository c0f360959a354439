/** Runs as a visitor has them: the first visit, and that a run survives what happens to its tab. */
import { Profile } from './app.ts';
import {
  expectNothingRan,
  headInNode,
  listed,
  numbersOf,
  part,
  pause,
  sharedHead,
} from './flows.ts';
import { smallRecipe } from './recipes.ts';
import { expect, test } from './test.ts';

/** Long enough to be met in its middle. */
const UPDATES = 18;
const RECIPE = smallRecipe(`grpo.num_updates=${UPDATES}`, 'eval.every=6');

test('a first visit: an answer before anything is pressed, then Train counts updates', async ({
  browser,
  site,
}) => {
  const profile = await Profile.create(browser);
  const app = await profile.open(site.page);
  const ask = part(app, 'Ask the policy');
  await expect(ask.getByText('Answer of the warm start')).toBeVisible();
  await expect(ask.locator('.candidate').first()).toContainText('SELECT');
  await expect(ask.getByRole('table')).toBeVisible();
  await expect(app.progress).toHaveText('Ready: 200 updates');
  await expect(part(app, 'Recent runs')).toContainText('None yet');

  await app.main.click();
  await app.updates(1);
  const counted = await app.done();
  await app.updates(counted + 2);
  const curves = part(app, /^Curves/);
  await expect(curves.getByRole('img', { name: /greedy, evaluation: \d/ })).toHaveCount(1);
  await expect(
    curves.getByRole('img', { name: /^Reward by update.*last .* at update ([2-9]|\d\d)/ }),
  ).toHaveCount(1);
  await expect(part(app, 'Newest episodes')).toContainText('SELECT');
  const done = await pause(app);
  expect(done).toBeGreaterThan(counted);
  await expect(listed(app)).toHaveCount(1);
  await expect(listed(app)).toContainText(`${done} of 200 updates`);
  expect(await profile.unexpected()).toEqual([]);
  await profile.close();
});

test('Pause before anything is trained leads back to the settings', async ({ browser, site }) => {
  const profile = await Profile.create(browser);
  const app = await profile.open(site.page);
  // At once, when the workers are just starting; then while the questions are being made.
  await app.main.dblclick();
  await expect(app.progress).toContainText('Ready: 200 updates');
  await app.main.click();
  await expect(app.progress).toContainText('Making questions');
  await app.main.click();
  await expectNothingRan(app);
  await expect(app.page.getByLabel('Updates', { exact: true })).toBeEnabled();
  await expect(app.notices).toHaveCount(0);

  await app.main.click();
  await app.updates(1);
  expect(await profile.unexpected()).toEqual([]);
  await profile.close();
});

test('thirty updates raise the evaluation curve', async ({ browser, site }) => {
  const profile = await Profile.create(browser);
  // The preset but for less data. In Node it goes from 35 % to 52 %, and so it does here.
  const learning = smallRecipe(
    ...['grpo.num_updates=30', 'grpo.prompts_per_update=16', 'data.train_tasks=1000'],
    ...['eval.tasks=100', 'checkpoint_every=10'],
  );
  const app = await profile.openWith(site.page, learning);
  await app.main.click();
  await app.finished();
  const curve = part(app, /^Curves/).getByRole('img', { name: /^Execution accuracy by update/ });
  const EVALUATION = /evaluation: first ([\d.]+)\s% at update 0, last ([\d.]+)\s% at update 30,/;
  await expect(curve).toHaveAccessibleName(EVALUATION);
  const values = EVALUATION.exec((await curve.getAttribute('aria-label')) ?? '');
  expect(Number(values?.[2]) - Number(values?.[1])).toBeGreaterThanOrEqual(5);
  expect(await profile.unexpected()).toEqual([]);
  await profile.close();
});

test.describe('a run that was interrupted is the run that was not', () => {
  let inNode: string; // head of the fingerprint

  test.beforeAll(async ({ browserThere: _ }, info) => {
    inNode = await headInNode(RECIPE, info.outputPath('node'));
  });

  test('paused, reloaded, resumed, by one update and to its end', async ({ browser, site }) => {
    const profile = await Profile.create(browser);
    const app = await profile.openWith(site.page, RECIPE);
    await app.main.click();
    await app.updates(2);
    const done = await pause(app);
    await app.page.reload();
    await expect(app.progress).toHaveText(`Paused at update ${done} of ${UPDATES}`);
    await expect(app.main).toHaveText('Resume');

    await app.button('One update').click();
    await expect(app.progress).toContainText(`Paused at update ${done + 1} of`);
    await app.main.click();
    await app.finished();
    expect(await sharedHead(app)).toBe(inNode);
    const updates = Array.from({ length: UPDATES + 1 }, (_, i) => UPDATES - i);
    await expect.poll(() => numbersOf(app)).toEqual(updates);
    expect(await profile.unexpected()).toEqual([]);
    await profile.close();
  });

  test('its tab closed in mid-run', async ({ browser, site }) => {
    const profile = await Profile.create(browser);
    const first = await profile.openWith(site.page, RECIPE);
    await first.main.click();
    await first.updates(4);
    await first.page.close();

    const app = await profile.open(site.page);
    await expect(app.progress).toContainText(/Paused at update \d+ of/);
    const done = await app.done();
    expect(done).toBeGreaterThan(0);
    expect(done % 3).toBe(0); // a checkpoint
    await expect(listed(app)).toContainText(`${done} of ${UPDATES} updates`);
    await app.main.click();
    await app.finished();
    await expect(listed(app)).toHaveCount(1);
    expect(await sharedHead(app)).toBe(inNode);
    expect(await profile.unexpected()).toEqual([]);
    await profile.close();
  });

  test('its tab closed before the first checkpoint', async ({ browser, site }) => {
    const profile = await Profile.create(browser);
    const unsaved = { ...RECIPE, checkpoint_every: 1000 };
    const first = await profile.openWith(site.page, unsaved);
    await first.main.click();
    await first.updates(2);
    await first.page.close();

    const app = await profile.open(site.page);
    await expect(listed(app)).toContainText(`0 of ${UPDATES} updates`);
    await expect(app.progress).toHaveText(`Paused at update 0 of ${UPDATES}`);
    await app.main.click();
    await app.finished();
    await expect(listed(app)).toHaveCount(1);
    expect(await sharedHead(app)).toBe(inNode); // how often a run is saved changes no number
    expect(await profile.unexpected()).toEqual([]);
    await profile.close();
  });
});

test.describe('a run in two tabs', () => {
  const LONG = smallRecipe('grpo.num_updates=500', 'eval.every=0');

  test('trains in the first; the second may neither resume nor delete it', async ({
    browser,
    site,
  }) => {
    const profile = await Profile.create(browser);
    const first = await profile.openWith(site.page, LONG);
    await first.main.click();
    await first.updates(3);

    const second = await profile.open(site.page);
    await expect(second.progress).toContainText('Paused at update');
    await second.main.click();
    await expect(second.notices).toContainText('This run is open in another tab');
    await expect(second.progress).toContainText('Paused at update');
    await second.button('Close this message').click();
    await expect(second.notices).toHaveCount(0);
    await second.button(/^Delete execution/).click();
    await second.page.getByRole('button', { name: 'Delete', exact: true }).click();
    await expect(second.notices).toContainText('This run is open in another tab');
    await expect(listed(second)).toHaveCount(1);

    await first.updates((await first.done()) + 2);
    await expect(first.notices).toHaveCount(0);
    const done = await pause(first);
    // Now it is free. The second tab goes on from where the first has stopped, not from what it shows.
    await second.button('One update').click();
    await expect(second.progress).toContainText(`Paused at update ${done + 1} of`);
    expect(await profile.unexpected()).toEqual([]);
    await profile.close();
  });

  test('deleted in one, it is not begun anew in the other', async ({ browser, site }) => {
    const profile = await Profile.create(browser);
    const first = await profile.openWith(site.page, LONG);
    await first.button('One update').click();
    await expect(first.progress).toContainText('Paused at update 1');
    const second = await profile.open(site.page);
    await expect(second.main).toHaveText('Resume');
    await first.button(/^Delete execution/).click();
    await first.page.getByRole('button', { name: 'Delete', exact: true }).click();
    await expect(listed(first)).toHaveCount(0);
    await expect(first.main).toHaveText('Train');

    await second.main.click();
    await expect(second.notices).toContainText('expected a run that is still here');
    await expect(second.main).toHaveText('Train');
    await expect(listed(second)).toHaveCount(0);
    expect(await second.runs()).toEqual([]);
    expect(await profile.unexpected()).toEqual([]);
    await profile.close();
  });
});
