/** The page from a sub-path, without special headers. */
import { Profile, scriptBytes } from './app.ts';
import { part } from './flows.ts';
import { smallRecipe } from './recipes.ts';
import { expect, test } from './test.ts';

test('opens without an error and without a file missing', async ({ browser, site }) => {
  const before = site.requests.length;
  const profile = await Profile.create(browser);
  const app = await profile.open(site.page);
  await expect(app.main).toHaveText('Train');
  await expect(app.main).toBeEnabled();
  await expect(app.page.getByText('wasm (SIMD, one thread)').first()).toBeVisible();
  const requests = site.requests.slice(before);
  expect(requests.filter(({ status }) => status !== 200)).toEqual([]);
  expect(scriptBytes(requests, 'page')).toBeLessThan(300_000);
  expect(await profile.unexpected()).toEqual([]);
  await profile.close();
});

test('a backend that is not to be had is refused with its reason, and another one chosen', async ({
  browser,
  site,
}) => {
  const profile = await Profile.create(browser);
  const app = await profile.openWith(site.page, smallRecipe('grpo.num_updates=1'));
  const choice = app.page.getByLabel('Run on');
  await choice.selectOption('webgpu');
  const reason = /got webgpu, but this browser (has no WebGPU|found no WebGPU adapter)/;
  await expect(app.notices.first()).toContainText(reason);
  await app.main.click();
  await expect(app.main).toHaveText('Train');
  await choice.selectOption('wasm');
  await expect(app.button(/^Trains on wasm/)).toBeVisible();
  await app.main.click();
  await app.finished();
  expect(await app.fingerprint()).toMatchObject({ backend: 'wasm', count: 1 });
  await profile.close();
});

test('workers that cannot be loaded are named, and loaded once they can be', async ({
  browser,
  site,
}) => {
  const profile = await Profile.create(browser);
  await profile.context.route(/policy\.worker/, (route) => route.abort());
  const app = await profile.open(site.page);
  const ask = part(app, 'Ask the policy');
  await expect(ask.getByRole('alert')).toContainText('its script could not be loaded');
  await profile.context.unroute(/policy\.worker/);
  await ask.getByRole('button', { name: 'Ask' }).click();
  await expect(ask.getByText('Answer of the warm start')).toBeVisible();
  await expect(ask.getByRole('alert')).toHaveCount(0);
  await expect(app.notices).toHaveCount(0);
  await profile.close();
});
