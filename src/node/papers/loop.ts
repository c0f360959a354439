import type { Experiment } from './experiment.ts';

/**
 * Does the loop learn from execution, and from nothing else? Execution-only GRPO (2506.06093) and plain
 * GRPO, the presets as they are, against the warm start, shuffled rewards, rejection sampling at equal
 * episodes, and imitation of gold.
 */
export const loop: Experiment = {
  name: 'loop',
  title: 'Execution-only learning and its controls',
  start: 'direct',
  arms: [
    { name: 'warm-start', description: 'where every arm starts', preset: null },
    {
      name: 'execution',
      description: 'GRPO with the reward of 2506.06093, from answers alone',
      preset: 'execution',
    },
    {
      name: 'grpo',
      description: 'GRPO with execution match against gold',
      preset: 'grpo',
    },
    {
      name: 'execution-shuffled',
      description: 'control: the rewards of `execution`, permuted within each group',
      preset: 'execution',
      changes: { grpo: { shuffle_rewards: true } },
    },
    {
      name: 'rejection-sft',
      description: 'control: imitate the samples that were right, as many episodes',
      preset: 'rejection-sft',
    },
    {
      name: 'sft',
      description: 'ceiling: imitate the gold SQL of the same questions',
      preset: 'sft',
    },
  ],
  contrasts: [],
  metrics: [
    ...(['ex', 'ts', 'error', 'sampled_error', 'empty', 'over_broad'] as const),
    ...(['pass_at_1', 'majority_at_8', 'pass_at_8'] as const),
  ],
  curves: ['sql/ex', 'sql/error', 'reward', 'entropy'],
  trials: null,
  pilot: null,
  seeds: [0, 1, 3, 4, 5],
  maxCompletionLength: 64,
};
