/** The page from a sub-path, without special headers. */
import { Profile, scriptBytes } from './app.ts';
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
