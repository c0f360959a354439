/** What tests of whole flows share: small recipes, their links, and what a visitor does with a run. */
import { applySet } from '../src/core/recipe/change.ts';
import { decodeLink, encodeLink, type DecodedLink } from '../src/core/recipe/link.ts';
import type { PresetName } from '../src/core/recipe/presets.ts';
import { presetRecipe } from '../src/core/recipe/presets.ts';
import type { Recipe } from '../src/core/recipe/schema.ts';
import type { App, Profile } from './app.ts';
import { stepsql } from './node.ts';
import { expect } from './test.ts';

/** A run of a few seconds: `updates` of 32 episodes each, with checkpoints at 3, 6, 9, … */
export function smallRecipe(preset: PresetName, updates: number, ...set: string[]): Recipe {
  return applySet(
    presetRecipe(preset),
    ...['data.train_tasks=200', 'eval.tasks=20', 'eval.every=6', 'checkpoint_every=3'],
    ...[`grpo.num_updates=${updates}`, 'grpo.prompts_per_update=4', ...set],
  );
}

/** Head of the recipe's run in Node, in `folder`, from its beginning to its end. */
export async function headInNode(recipe: Recipe, folder: string): Promise<string> {
  const args = ['--backend', 'wasm', '--json', '--out', folder];
  return headOf(await stepsql('train', encodeLink(recipe), ...args));
}

/** What `stepsql train --json` printed, as the head of the run's fingerprint. */
export const headOf = (printed: string): string =>
  (JSON.parse(printed) as { fingerprint: string }).fingerprint;

/** A part of the page by its heading. */
export const part = (app: App, heading: string | RegExp) =>
  app.page.getByRole('region', { name: heading });

export const runs = (app: App) => part(app, 'Recent runs').getByRole('listitem');

/** A tab with the recipe's settings in the form, as a link brings them. */
export async function openWith(profile: Profile, address: string, recipe: Recipe): Promise<App> {
  const app = await profile.open(address + encodeLink(recipe));
  await app.button('Use these settings').click();
  return app;
}

/** Presses Pause and waits until the run stands still, with a checkpoint. */
export async function pause(app: App): Promise<number> {
  await app.main.click();
  await expect(app.progress).toContainText('Paused at update');
  return app.done();
}

export async function finish(app: App): Promise<void> {
  await expect(app.progress).toContainText('Finished', { timeout: 120_000 });
}

/** The address that Share gives, and what it says. */
export async function share(app: App): Promise<DecodedLink & { address: string }> {
  await app.button('Share').click();
  const address = await app.page.getByLabel('Link', { exact: true }).inputValue();
  await app.button('Done').click();
  return { ...decodeLink(address), address };
}

/** Head of the fingerprint of the run that is open. */
export async function headInTab(app: App): Promise<string | undefined> {
  return (await share(app)).fingerprint?.head;
}

/** Updates of the lines that the table of numbers shows, newest first. */
export async function numbersOf(app: App): Promise<number[]> {
  await app.button('Show numbers').click();
  const rows = app.page
    .getByRole('region', { name: 'Numbers of the latest updates' })
    .locator('tbody th');
  const steps = await rows.allTextContents();
  await app.button('Hide numbers').click();
  return steps.map(Number);
}
