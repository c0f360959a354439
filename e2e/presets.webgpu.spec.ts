/**
 * Recipes in the box on WebGPU, by the software adapter: one of each protocol, or every one with
 * STEPSQL_PRESETS=all (`npm run e2e:webgpu`).
 */
import { presetNames, type PresetName } from '../src/core/recipe/presets.ts';
import { Profile } from './app.ts';
import { openOnWebGpu, trainPreset } from './flows.ts';
import { smallPreset } from './recipes.ts';
import { expect, test } from './test.ts';

const ONE_EACH: PresetName[] = ['execution', 'finer', 'finestep', 'reward-sql'];
const PRESETS = process.env['STEPSQL_PRESETS'] === 'all' ? presetNames : ONE_EACH;

/** Of a run's three updates, in milliseconds. */
const TIMEOUT = 540_000;

test.setTimeout(TIMEOUT + 60_000);

for (const preset of PRESETS) {
  test(`${preset} trains on WebGPU`, async ({ browser, site }) => {
    const recipe = smallPreset(preset, 2);
    const profile = await Profile.create(browser);
    const app = await openOnWebGpu(profile, site.page, recipe);
    await trainPreset(app, recipe, TIMEOUT);
    expect(await profile.unexpected()).toEqual([]);
    await profile.close();
  });
}
