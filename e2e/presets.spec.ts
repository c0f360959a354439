/** Every recipe in the box trains in the tab. */
import { applySet } from '../src/core/recipe/change.ts';
import { presetNames, presetRecipe, type PresetName } from '../src/core/recipe/presets.ts';
import { encodeLink } from '../src/core/recipe/link.ts';
import type { Recipe } from '../src/core/recipe/schema.ts';
import { Profile, App } from './app.ts';
import { part } from './flows.ts';
import { expect, test } from './test.ts';

const UPDATES = 3;

/** As the preset is, but for its size. */
function small(preset: PresetName): Recipe {
  const recipe = presetRecipe(preset);
  const own = (name: string, value: number): string => `${recipe.method}.${name}=${value}`;
  return applySet(
    recipe,
    ...['data.train_tasks=60', 'eval.every=0', own('num_updates', UPDATES)],
    ...(recipe.method === 'sft'
      ? [own('batch_size', 8)]
      : [own('prompts_per_update', 4), own('num_generations', 4)]),
  );
}

for (const preset of presetNames) {
  test(`${preset} trains`, async ({ browser, site }) => {
    const profile = await Profile.create(browser);
    const app: App = await profile.open(site.page + encodeLink(small(preset)));
    await app.button('Use these settings').click();
    await app.main.click();
    await app.finished();
    expect(await app.done()).toBe(UPDATES);
    const recipe = presetRecipe(preset);
    if (recipe.method !== 'sft') {
      const episodes = part(app, 'Newest episodes');
      await episodes.getByRole('listitem').getByRole('button').first().click();
      await expect(episodes.getByRole('term').filter({ hasText: 'Reward' })).toBeVisible();
      // With tools some questions are answered in one step.
      if (recipe.protocol === 'cocte') {
        await expect(episodes.getByRole('heading', { name: 'Answer' }).first()).toBeAttached();
      }
    }
    expect(await profile.unexpected()).toEqual([]);
    await profile.close();
  });
}
