import type { RecipeInput } from '../../core/recipe/schema.ts';
import type { Experiment } from './experiment.ts';

/** Equal episodes for every arm that samples: updates × prompts × generations. */
const ROLLOUT = { num_generations: 8, prompts_per_update: 16, max_completion_length: 64 };
const UPDATES = 200;

const grpo = (recipe: Partial<RecipeInput>, more: object = {}): RecipeInput =>
  ({
    method: 'grpo',
    ...recipe,
    grpo: { ...ROLLOUT, num_updates: UPDATES, ...more },
    eval: { every: 0 },
    checkpoint_every: UPDATES,
  }) as RecipeInput;

/**
 * Does the loop learn from execution, and from nothing else? Execution-only GRPO (2506.06093) and plain
 * GRPO against the warm start, shuffled rewards, rejection sampling and imitation of gold.
 */
export const loop: Experiment = {
  name: 'loop',
  title: 'Execution-only learning and its controls',
  arms: [
    { name: 'warm-start', description: 'where every arm starts', recipe: null },
    {
      name: 'execution',
      description: 'reward of 2506.06093, from answers alone',
      recipe: grpo({ name: 'execution', reward: { name: 'execution' } }),
    },
    {
      name: 'grpo',
      description: 'execution match against gold',
      recipe: grpo({ name: 'grpo' }),
    },
    {
      name: 'execution-shuffled',
      description: 'control: the same rewards, permuted within each group',
      recipe: grpo(
        { name: 'execution-shuffled', reward: { name: 'execution' } },
        { shuffle_rewards: true },
      ),
    },
    {
      name: 'rejection-sft',
      description: 'control: imitate the samples that were right',
      recipe: {
        method: 'rejection_sft',
        name: 'rejection-sft',
        rejection_sft: { ...ROLLOUT, num_updates: UPDATES },
        eval: { every: 0 },
        checkpoint_every: UPDATES,
      },
    },
    {
      name: 'sft',
      description: 'ceiling: imitate gold SQL',
      recipe: {
        method: 'sft',
        name: 'sft',
        sft: { num_updates: 1000 },
        optimizer: { learning_rate: 1e-3, lr_scheduler_type: 'cosine', warmup_steps: 20 },
        eval: { every: 0 },
        checkpoint_every: 1000,
      },
    },
  ],
};
