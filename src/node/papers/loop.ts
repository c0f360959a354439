import { presetRecipe } from '../../core/recipe/presets.ts';
import type { Recipe, RecipeOf } from '../../core/recipe/schema.ts';
import type { Experiment } from './experiment.ts';

const execution = presetRecipe('execution') as RecipeOf<'grpo'>;

const shuffled: Recipe = {
  ...execution,
  name: 'execution-shuffled',
  grpo: { ...execution.grpo, shuffle_rewards: true },
};

/**
 * Does the loop learn from execution, and from nothing else? Execution-only GRPO (2506.06093) and plain
 * GRPO, the presets as they are, against the warm start, shuffled rewards, rejection sampling at equal
 * episodes, and imitation of gold.
 */
export const loop: Experiment = {
  name: 'loop',
  title: 'Execution-only learning and its controls',
  arms: [
    { name: 'warm-start', description: 'where every arm starts', recipe: null },
    {
      name: 'execution',
      description: 'GRPO with the reward of 2506.06093, from answers alone',
      recipe: execution,
    },
    {
      name: 'grpo',
      description: 'GRPO with execution match against gold',
      recipe: presetRecipe('grpo'),
    },
    {
      name: 'execution-shuffled',
      description: 'control: the rewards of `execution`, permuted within each group',
      recipe: shuffled,
    },
    {
      name: 'rejection-sft',
      description: 'control: imitate the samples that were right, as many episodes',
      recipe: presetRecipe('rejection-sft'),
    },
    {
      name: 'sft',
      description: 'ceiling: imitate the gold SQL of the same questions',
      recipe: presetRecipe('sft'),
    },
  ],
};
