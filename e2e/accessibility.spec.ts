/** The page for people who do not see it, do not point at it, or have a narrow window. */
import AxeBuilder from '@axe-core/playwright';
import { Profile, type App } from './app.ts';
import { part, share } from './flows.ts';
import { smallRecipe } from './recipes.ts';
import { expect, test } from './test.ts';

const RECIPE = smallRecipe();
const THEMES = ['light', 'dark'] as const;
const WIDTHS = [1440, 390] as const;

const answered = (app: App) => expect(app.page.getByText('Answer of the warm start')).toBeVisible();

/** What axe finds in the page as it is, in every theme. */
async function expectAccessible(app: App, what: string): Promise<void> {
  for (const colorScheme of THEMES) {
    await app.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    const { violations } = await new AxeBuilder({ page: app.page }).analyze();
    const found = violations.map(({ id, impact, nodes }) => ({
      ...{ id, impact },
      nodes: nodes.map(({ target, failureSummary }) => `${target.join(' ')}: ${failureSummary}`),
    }));
    expect.soft(found, `${what}, ${colorScheme}`).toEqual([]);
  }
}

/** Opens the first answer of the newest episodes. */
async function openEpisode(app: App): Promise<void> {
  const answer = part(app, 'Newest episodes').locator('button[aria-expanded]').first();
  await answer.click();
  await expect(answer).toHaveAttribute('aria-expanded', 'true');
}

/** Pixels that the page is wider than its window. */
const excess = (app: App): Promise<number> =>
  app.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

for (const width of WIDTHS) {
  test.describe(`${width} px`, () => {
    const options = { viewport: { width, height: 900 } };

    test('first visit, all settings, share dialog', async ({ browser, site }) => {
      const profile = await Profile.create(browser, options);
      const app = await profile.open(site.page);
      await answered(app);
      await expectAccessible(app, 'first visit');
      await app.page.getByText('All settings').click();
      await app.page.getByText('The database', { exact: true }).click();
      await expectAccessible(app, 'all settings');
      expect(await excess(app)).toBeLessThanOrEqual(0);
      await app.button('Share').click();
      await expect(app.page.getByRole('dialog')).toBeVisible();
      await expectAccessible(app, 'share dialog');
      await profile.close();
    });

    test('while training', async ({ browser, site }) => {
      const profile = await Profile.create(browser, options);
      const app = await profile.openWith(site.page, smallRecipe('grpo.num_updates=60'));
      await answered(app);
      await app.main.click();
      await app.updates(2);
      await expectAccessible(app, 'while training');
      await expect(app.progress).toContainText(/^Update \d+ of 60/); // it still did
      expect(await excess(app)).toBeLessThanOrEqual(0);
      await profile.close();
    });

    test('a finished run with an episode opened, its link, and a link that is none', async ({
      browser,
      site,
    }) => {
      const one = await Profile.create(browser, options);
      const first = await one.openWith(site.page, smallRecipe('grpo.num_updates=2'));
      await first.main.click();
      await first.finished();
      await openEpisode(first);
      await first.button('Show numbers').click();
      await expectAccessible(first, 'a finished run with an episode opened');
      expect(await excess(first)).toBeLessThanOrEqual(0);
      const { address } = await share(first);
      await one.close();

      const two = await Profile.create(browser, options);
      const second = await two.open(address);
      await answered(second);
      await expectAccessible(second, 'a link');
      expect(await excess(second)).toBeLessThanOrEqual(0);
      await second.button('Reproduce').click();
      await second.finished();
      await expectAccessible(second, 'a reproduction');

      const third = await two.open(`${site.page}#/run/1/grpo/0/nonsense`);
      await expect(third.page.getByRole('alert').first()).toContainText('Nothing was changed');
      await expectAccessible(third, 'a link that is none');
      expect(await excess(third)).toBeLessThanOrEqual(0);
      await two.close();
    });
  });
}

test('nothing is wider than a window of 320 px', async ({ browser, site }) => {
  const profile = await Profile.create(browser, { viewport: { width: 320, height: 700 } });
  const app = await profile.openWith(site.page, smallRecipe('grpo.num_updates=2'));
  await answered(app);
  await app.page.getByText('All settings').click();
  expect(await excess(app)).toBeLessThanOrEqual(0);
  await app.main.click();
  await app.finished();
  await openEpisode(app);
  expect(await excess(app)).toBeLessThanOrEqual(0);
  await app.button('Share').click();
  expect(await excess(app)).toBeLessThanOrEqual(0);
  await profile.close();
});

test('by keyboard: to Train with Tab, pause and go on with the shortcut, share and come back', async ({
  browser,
  site,
}) => {
  const profile = await Profile.create(browser);
  const app = await profile.openWith(site.page, smallRecipe('grpo.num_updates=60'));
  const { page } = app;
  await answered(app);
  await page.locator('body').click({ position: { x: 1, y: 1 } });
  for (let i = 0; i < 40; i++) {
    await page.keyboard.press('Tab');
    if (await app.main.evaluate((element) => element === document.activeElement)) break;
  }
  await expect(app.main).toBeFocused();
  await expect(app.main).toHaveText('Train');
  await page.keyboard.press('Enter');
  await app.updates(1);
  await expect(app.main).toBeFocused();
  await page.keyboard.press('Control+Enter');
  await expect(app.progress).toContainText('Paused at update');
  await expect(app.main).toBeFocused();
  await expect(app.main).toHaveText('Resume');
  const before = await app.done();
  await page.keyboard.press('Control+Shift+Enter');
  await expect(app.progress).toContainText(`Paused at update ${before + 1} of 60`);

  await app.button('Share').focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog')).toBeVisible();
  await page.keyboard.press('Control+Enter'); // a dialog has the keys
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toBeHidden();
  await expect(app.button('Share')).toBeFocused();
  await expect(app.progress).toContainText(`Paused at update ${before + 1} of 60`);
  await profile.close();
});

test('changes of phase are spoken, and every tenth of the run', async ({ browser, site }) => {
  const profile = await Profile.create(browser);
  const app = await profile.openWith(site.page, RECIPE);
  await answered(app);
  await app.page.evaluate(() => {
    const live = document.querySelector('.controls [role=status]')!;
    const heard: string[] = [];
    Object.assign(window, { heard });
    new MutationObserver(() => heard.push(live.textContent!)).observe(live, {
      ...{ childList: true, characterData: true, subtree: true },
    });
  });
  await app.main.click();
  await app.finished();
  const heard = await app.page.evaluate(() => (window as unknown as { heard: string[] }).heard);
  expect(heard.slice(0, 2)).toEqual(['Preparing', 'Training']);
  expect(heard.at(-1)).toBe('Finished: 8 updates');
  expect(heard.slice(2, -1).every((text) => /^\d+0 percent: /.test(text))).toBe(true);
  await profile.close();
});
