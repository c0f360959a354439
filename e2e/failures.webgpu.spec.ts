/** A graphics device that goes away or has no memory left, on the software adapter. */
import { Profile } from './app.ts';
import { openOnWebGpu } from './flows.ts';
import { tinyRecipe } from './recipes.ts';
import { expect, test } from './test.ts';
import { doTo, hookWorkers } from './workers.ts';

const RECIPE = tinyRecipe();

test('Automatic prefers wasm to a software adapter, and says so', async ({ browser, site }) => {
  const profile = await Profile.create(browser);
  const app = await profile.open(site.page);
  const badge = app.page.getByRole('button', { name: 'Trains on wasm' });
  await badge.click();
  const why = app.page.getByText(/^the WebGPU adapter here is software \(.+\), which is slower$/);
  await expect(why).toBeVisible();
  await profile.close();
});

test('another backend chosen, or its device lost, while nobody trains: questions are answered', async ({
  browser,
  site,
}) => {
  const unhook = hookWorkers(site);
  const profile = await Profile.create(browser);
  const app = await openOnWebGpu(profile, site.page, RECIPE); // in the middle of the first question
  const answer = app.page.getByText('Answer of the warm start');
  await expect(answer).toBeVisible({ timeout: 90_000 });
  await doTo(app.page, 'policy', 'destroy-device');
  await app.button('What is the number of concerts?').click();
  const asked = app.page.getByRole('blockquote');
  await expect(asked).toHaveText('What is the number of concerts?', { timeout: 90_000 });
  await expect(app.page.getByRole('alert')).toHaveCount(0);
  await profile.close();
  unhook();
});

test('device destroyed in mid-run: back to the last checkpoint, and on as if nothing had been', async ({
  browser,
  site,
}) => {
  const unhook = hookWorkers(site);
  const disturbed = await Profile.create(browser);
  const app = await openOnWebGpu(disturbed, site.page, RECIPE);
  await app.main.click();
  await app.updates(3);
  await doTo(app.page, 'policy', 'destroy-device');
  await expect(app.notices).toContainText(
    /The graphics device was lost: .+ The run went back to its checkpoint at update (2|4) and goes on\./,
  );
  await app.finished();
  const fingerprint = await app.fingerprint();
  expect(fingerprint).toMatchObject({ backend: 'webgpu', count: 6 });
  await expect(app.notices).toHaveCount(1);
  await disturbed.close();
  unhook();

  const undisturbed = await Profile.create(browser);
  const other = await openOnWebGpu(undisturbed, site.page, RECIPE);
  await other.main.click();
  await other.finished();
  expect(await other.fingerprint()).toEqual(fingerprint);
  await expect(other.notices).toHaveCount(0);
  await undisturbed.close();
});

/** Where a big buffer is asked for, the device has no memory left, as soon as a test says so. */
function exhaust(): void {
  let exhausted = false;
  new BroadcastChannel('stepsql-e2e-memory').onmessage = () => (exhausted = true);
  const { createBuffer } = GPUDevice.prototype;
  GPUDevice.prototype.createBuffer = function (this: GPUDevice, ...wanted) {
    if (exhausted) {
      exhausted = false;
      const error = new GPUOutOfMemoryError('asked for by a test');
      this.dispatchEvent(new GPUUncapturedErrorEvent('uncapturederror', { error }));
    }
    return createBuffer.apply(this, wanted);
  };
}

test('out of graphics memory: the page says what would fit, and keeps the checkpoint', async ({
  browser,
  site,
}) => {
  const restore = site.prepend(/\/policy\.worker[^/]*\.js$/, `(${exhaust})();`);
  const profile = await Profile.create(browser);
  const app = await openOnWebGpu(profile, site.page, RECIPE);
  await app.main.click();
  await app.updates(3);
  await app.page.evaluate(() => new BroadcastChannel('stepsql-e2e-memory').postMessage('now'));
  await expect(app.progress).toContainText(/Paused at update (2|4)/);
  await expect(app.notices).toHaveCount(1);
  await expect(app.notices).toContainText(
    /Memory is exhausted: this run needs about \d+ MB; with \S+ \d+ it would need about \d+ MB\. The run stands at its checkpoint at update (2|4)\./,
  );
  await app.main.click();
  await app.finished();
  await profile.close();
  restore();
});
