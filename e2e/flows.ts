/** What tests of whole flows share: what a visitor does with a run, and the same run in Node. */
import { decodeLink, encodeLink, type DecodedLink } from '../src/core/recipe/link.ts';
import type { Recipe } from '../src/core/recipe/schema.ts';
import type { App, Profile } from './app.ts';
import { stepsql } from './node.ts';
import { PRESET_UPDATES } from './recipes.ts';
import { expect } from './test.ts';

/** Head of a fingerprint as `stepsql train --json` prints it. */
export const printedHead = (printed: string): string =>
  (JSON.parse(printed) as { fingerprint: string }).fingerprint;

/** Runs `recipe` in Node, in `folder`, and returns the head of its fingerprint. */
export async function headInNode(recipe: Recipe, folder: string): Promise<string> {
  const args = ['--backend', 'wasm', '--json', '--out', folder];
  return printedHead(await stepsql('train', encodeLink(recipe), ...args));
}

/** A tab with the settings of `recipe` that computes on WebGPU. */
export async function openOnWebGpu(
  profile: Profile,
  address: string,
  recipe: Recipe,
): Promise<App> {
  const app = await profile.openWith(address, recipe);
  await app.page.getByLabel('Run on').selectOption('webgpu');
  const badge = app.page.getByRole('button', { name: /^Trains on WebGPU · .+/ });
  await expect(badge).toBeVisible({ timeout: 120_000 }); // kernels are compiled first
  return app;
}

/** A part of the page, by its heading. */
export const part = (app: App, heading: string | RegExp) =>
  app.page.getByRole('region', { name: heading });

/** What the list of runs shows, latest change first. */
export const listed = (app: App) => part(app, 'Recent runs').getByRole('listitem');

/** Presses Pause and waits until the run stands still, with a checkpoint. Returns its updates. */
export async function pause(app: App): Promise<number> {
  await app.main.click();
  await expect(app.progress).toContainText('Paused at update');
  return app.done();
}

/** The link that Share gives, and what it says. */
export async function share(app: App): Promise<DecodedLink & { address: string }> {
  await app.button('Share').click();
  const address = await app.page.getByLabel('Link', { exact: true }).inputValue();
  await app.button('Done').click();
  return { ...decodeLink(address), address };
}

/** Head of the fingerprint of the run that is open, as its link has it. */
export async function sharedHead(app: App): Promise<string | undefined> {
  return (await share(app)).fingerprint?.head;
}

/** Updates in the table of numbers, newest first. */
export async function numbersOf(app: App): Promise<number[]> {
  await app.button('Show numbers').click();
  const table = part(app, 'Numbers of the latest updates');
  const updates = await table.locator('tbody th').allTextContents();
  await app.button('Hide numbers').click();
  return updates.map(Number);
}

/** Nothing was trained, and the page is ready for it. */
export async function expectNothingRan(app: App): Promise<void> {
  await expect(app.main).toHaveText('Train');
  await expect(app.progress).toContainText(/Ready: \d+ updates/);
  expect(await app.runs()).toEqual([]);
}

/** Trains what is open to its end and looks into the episodes, step by step where they have steps. */
export async function trainPreset(app: App, recipe: Recipe, timeout?: number): Promise<void> {
  await app.main.click();
  await app.finished(timeout);
  expect(await app.done()).toBe(PRESET_UPDATES);
  if (recipe.method === 'sft') return;
  const episodes = part(app, 'Newest episodes');
  await episodes.getByRole('listitem').getByRole('button').first().click();
  await expect(episodes.getByRole('term').filter({ hasText: 'Reward' })).toBeVisible();
  // With tools some questions are answered in one step.
  if (recipe.protocol === 'cocte') {
    await expect(episodes.getByRole('heading', { name: 'Answer' }).first()).toBeAttached();
  }
}
