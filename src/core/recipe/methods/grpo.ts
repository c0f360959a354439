import * as v from 'valibot';
import { choice, flag, integer, number, numberOrNull } from '../controls.ts';
import { credit, microBatch, numUpdates, processValues, reward, rollout } from '../sections.ts';

/** Group-relative policy optimisation with TRL's options and defaults (GRPOConfig). */
export const grpo = {
  method: v.literal('grpo'),
  reward,
  credit,
  process_values: processValues,
  grpo: v.optional(
    v.pipe(
      v.strictObject({
        ...rollout,
        num_updates: numUpdates(200),
        num_iterations: integer(1, { min: 1, max: 64 }, 'Passes over each batch of episodes (μ)'),
        mini_batches: integer(1, { min: 1, max: 256 }, 'Optimiser steps in each pass'),
        per_device_train_batch_size: microBatch,
        beta: number(0, { min: 0, max: 10, step: 0.01 }, 'Weight of the KL term (k3 estimator)'),
        epsilon: number(0.2, { min: 0, max: 1, step: 0.01 }, 'Clip range of the ratio, below'),
        epsilon_high: numberOrNull(
          null,
          { min: 0, max: 10, step: 0.01 },
          'Clip range above; null = epsilon (DAPO: 0.28)',
        ),
        delta: numberOrNull(
          null,
          { min: 1, max: 100, step: 0.1 },
          'Upper bound of the unclipped ratio (two-sided clipping); null = none',
        ),
        loss_type: choice(
          ['grpo', 'bnpo', 'dapo', 'dr_grpo'],
          'dapo',
          'How token losses are averaged',
        ),
        importance_sampling_level: choice(
          ['token', 'sequence'],
          'token',
          'Ratio for each token, or one for each sequence (GSPO)',
        ),
        mask_truncated_completions: flag(false, 'Leave completions without an end out of the loss'),
        shuffle_rewards: flag(
          false,
          'Control experiment: rewards permuted at random inside each group',
        ),
      }),
      v.forward(
        v.check(
          (o) => o.prompts_per_update >= o.mini_batches,
          'at most prompts_per_update: mini-batches are made of whole groups',
        ),
        ['mini_batches'],
      ),
    ),
    {},
  ),
};
