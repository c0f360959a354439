/** Measuring the visitor's machine: a worker of its own, its table, stopping, and a run in the way. */
import AxeBuilder from '@axe-core/playwright';
import { Profile, type App } from './app.ts';
import { smallRecipe } from './recipes.ts';
import { expect, test } from './test.ts';

const dialog = (app: App) => app.page.getByRole('dialog', { name: 'Measure this machine' });

async function openBench(app: App): Promise<void> {
  await app.button('Measure this machine').click();
  await expect(dialog(app)).toBeVisible();
}

/** Chooses the smallest model alone. */
async function smallest(app: App): Promise<void> {
  await dialog(app).getByRole('checkbox', { name: '128' }).uncheck();
  await expect(dialog(app).getByRole('checkbox', { checked: true })).toHaveCount(1);
}

async function expectAccessible(app: App, what: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await app.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    const { violations } = await new AxeBuilder({ page: app.page }).include('dialog').analyze();
    expect
      .soft(
        violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html)]),
        `${what}, ${colorScheme}`,
      )
      .toEqual([]);
  }
}

const benchWorkers = (app: App): number =>
  app.page.workers().filter((worker) => worker.url().includes('bench.worker')).length;

test('measures, shows the table and copies it', async ({ browser, site }) => {
  const profile = await Profile.create(browser, {
    viewport: { width: 390, height: 900 },
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  const app = await profile.open(site.page);
  await openBench(app);
  await smallest(app);
  await expectAccessible(app, 'before');
  await dialog(app).getByRole('button', { name: 'Measure', exact: true }).press('Enter');
  await expect(dialog(app).getByRole('progressbar')).toBeVisible();
  await expect(dialog(app)).toContainText(/\d\s%.*d = 64/s);
  await expectAccessible(app, 'while measuring');
  const rows = dialog(app).getByRole('row');
  await expect(rows).toHaveCount(4, { timeout: 150_000 });
  await expect(rows.nth(1)).toContainText('training step');
  await expect(rows.nth(3)).toContainText(/decode.*×.*%/);
  await expectAccessible(app, 'after');
  expect(
    await app.page.evaluate(() => document.documentElement.scrollWidth - innerWidth),
  ).toBeLessThanOrEqual(0);
  await dialog(app).getByRole('button', { name: 'Copy as Markdown' }).click();
  await expect(dialog(app).getByRole('button', { name: 'Copied' })).toBeVisible();
  const copied = await app.page.evaluate(() => navigator.clipboard.readText());
  expect(copied).toMatch(/^\d+ cores, /);
  expect(copied).toMatch(/^\| 64 \| 230k \| decode \|/m);
  expect(benchWorkers(app)).toBe(0);
  expect(await profile.unexpected()).toEqual([]);
  await profile.close();
});

test('stops at once, by its button and with its dialog, and gives way to a run', async ({
  browser,
  site,
}) => {
  const profile = await Profile.create(browser);
  const app = await profile.openWith(site.page, smallRecipe('grpo.num_updates=60'));
  await openBench(app);
  await dialog(app).getByRole('button', { name: 'Measure', exact: true }).click();
  await expect.poll(() => benchWorkers(app)).toBe(1);
  await expect(dialog(app)).toContainText('matrices');
  await dialog(app).getByRole('button', { name: 'Stop' }).click();
  await expect.poll(() => benchWorkers(app)).toBe(0);
  await expect(dialog(app).getByRole('progressbar')).toBeHidden();
  await dialog(app).getByRole('button', { name: 'Measure', exact: true }).click();
  await expect.poll(() => benchWorkers(app)).toBe(1);
  await app.page.keyboard.press('Escape');
  await expect(dialog(app)).toBeHidden();
  await expect.poll(() => benchWorkers(app)).toBe(0);
  await expect(app.button('Measure this machine')).toBeFocused();

  await app.main.click();
  await app.updates(1);
  await openBench(app);
  await expect(dialog(app)).toContainText('A run is training');
  const measure = dialog(app).getByRole('button', { name: 'Measure', exact: true });
  await expect(measure).toHaveAttribute('aria-disabled', 'true');
  await measure.click({ force: true });
  expect(benchWorkers(app)).toBe(0);
  await profile.close();
});
