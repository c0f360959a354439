/** Every recipe in the box trains in the tab. */
import { presetNames } from '../src/core/recipe/presets.ts';
import { Profile } from './app.ts';
import { trainPreset } from './flows.ts';
import { smallPreset } from './recipes.ts';
import { expect, test } from './test.ts';

for (const preset of presetNames) {
  test(`${preset} trains`, async ({ browser, site }) => {
    const recipe = smallPreset(preset, 4);
    const profile = await Profile.create(browser);
    await trainPreset(await profile.openWith(site.page, recipe), recipe);
    expect(await profile.unexpected()).toEqual([]);
    await profile.close();
  });
}
