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
          'Clip range above; null = epsilon (DAPO: 0.28). With cispo the cap of the ratio itself (5)',
        ),
        delta: numberOrNull(
          null,
          { min: 1, max: 100, step: 0.1 },
          'Upper bound of the unclipped ratio (two-sided clipping); null = none',
        ),
        loss_type: choice(
          ['grpo', 'bnpo', 'dapo', 'dr_grpo', 'cispo', 'sapo'],
          'dapo',
          'How token losses are averaged; cispo and sapo are surrogates of their own too',
        ),
        importance_sampling_level: choice(
          ['token', 'sequence', 'sequence_token'],
          'token',
          'Ratio for each token, one for each sequence (GSPO), or the sequence’s value with each ' +
            'token’s gradient (GSPO-token, for advantages that differ between tokens)',
        ),
        mask_truncated_completions: flag(false, 'Leave completions without an end out of the loss'),
        overlong_buffer: integer(
          0,
          { min: 0, max: 65_536 },
          'Last tokens of max_completion_length in which reward is taken back, more with each (DAPO); 0 = none',
        ),
        overlong_penalty: number(
          1,
          { min: 0, max: 1000, step: 0.1 },
          'Reward taken back at max_completion_length (DAPO: 1, half the range of its rewards)',
        ),
        dynamic_sampling: flag(
          false,
          'Replace groups whose rewards are all equal by groups of further prompts (DAPO)',
        ),
        max_resample: integer(
          4,
          { min: 1, max: 64 },
          'Rounds of dynamic sampling; groups still without a difference then stay',
        ),
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
      v.forward(
        v.check(
          (o) => o.overlong_buffer <= o.max_completion_length,
          'at most max_completion_length',
        ),
        ['overlong_buffer'],
      ),
    ),
    {},
  ),
};
