import { describe, expect, it } from 'vitest';
import type { Recipe } from '../../core/recipe/schema.ts';
import { findWarmStart, warmStarts } from '../../core/train/warm-start/index.ts';
import { armRecipe, findArm, trainedArms } from './experiment.ts';
import { presetRecipe } from '../../core/recipe/presets.ts';
import { EXPERIMENTS } from './index.ts';
import { METRICS } from './metrics.ts';

describe.each(EXPERIMENTS.map((experiment) => [experiment.name, experiment] as const))(
  'experiment %s',
  (_, experiment) => {
    it('claims differences between arms it runs on every seed, by what its tables show', () => {
      const names = experiment.arms.map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      expect(experiment.arms.filter(({ preset }) => preset === null)).toHaveLength(1);
      expect(new Set(experiment.contrasts.map(({ name }) => name)).size).toBe(
        experiment.contrasts.length,
      );
      for (const { a, b } of experiment.contrasts) {
        for (const { arm, metric } of [a, b]) {
          expect(findArm(experiment, arm).exploratory).toBeUndefined();
          expect(experiment.metrics).toContain(metric);
        }
        expect(METRICS[a.metric].better).toBe(METRICS[b.metric].better);
        expect(METRICS[a.metric].better).not.toBeNull();
      }
    });

    it.skipIf(!Object.hasOwn(warmStarts, experiment.start))(
      'gives every arm the same episodes, and its own recipe',
      () => {
        const choice = { seed: 7, checkpoint: 'warm-7' };
        const recipes = trainedArms(experiment).map((arm) => armRecipe(experiment, arm, choice));
        const budgets = recipes.flatMap((recipe) => {
          if (recipe.method === 'sft') return [];
          const own = recipe.method === 'grpo' ? recipe.grpo : recipe.rejection_sft;
          return [own.num_updates * own.prompts_per_update * own.num_generations];
        });
        expect(new Set(budgets).size).toBe(1);
        for (const recipe of recipes) {
          expect(recipe).toMatchObject({ seed: 7, policy: { checkpoint: 'warm-7' } });
          const protocol = findWarmStart(experiment.start).recipe.protocol ?? experiment.start;
          expect(recipe).toMatchObject({ protocol, eval: { every: 0 } });
        }
        const told = recipes.map((recipe) => JSON.stringify({ ...recipe, name: '' }));
        expect(new Set(told).size).toBe(told.length);
        const [first] = trainedArms(experiment);
        expect(armRecipe(experiment, first!, { ...choice, rate: 5e-5 })).toMatchObject({
          optimizer: { learning_rate: 5e-5 },
        });
      },
    );
  },
);

it.each([
  ['execution', 'execution', 'execution'],
  ['execution', 'grpo', 'grpo'],
  ['finer', 'full', 'finer'],
  ['finestep', 'finestep', 'finestep'],
  ['finestep', 'grpo-summed', 'grpo-summed'],
  ['finestep', 'gigpo', 'gigpo'],
  ['finestep', 'skyrl', 'skyrl'],
  ['reward-sql', 'outcome', 'cocte-grpo'],
  ['reward-sql', 'process', 'reward-sql'],
])('experiment %s: %s is the preset %s', (name, arm, preset) => {
  const experiment = EXPERIMENTS.find((each) => each.name === name)!;
  const recipe = armRecipe(experiment, findArm(experiment, arm), { seed: 0, checkpoint: 'warm-0' });
  const method = (of: Recipe) => {
    if (of.method !== 'grpo') throw new Error(`${of.name} is not GRPO`);
    const { protocol, turns, reward, credit, process_values, data, grpo } = of;
    return {
      protocol,
      turns,
      reward,
      credit,
      process_values,
      data,
      grpo: { ...grpo, num_updates: 0 },
    };
  };
  expect(method(recipe)).toEqual(method(presetRecipe(preset)));
});
