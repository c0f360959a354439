import * as v from 'valibot';
import { integer } from '../controls.ts';
import { microBatch, numUpdates, reward, rollout } from '../sections.ts';

/**
 * Rejection-sampling fine-tuning: sample as GRPO does, keep the completions whose result matches, and
 * imitate them. The control that tells what the negative half of the advantage is worth.
 */
export const rejectionSft = {
  method: v.literal('rejection_sft'),
  reward,
  rejection_sft: v.optional(
    v.strictObject({
      ...rollout,
      num_updates: numUpdates(200),
      num_iterations: integer(1, { min: 1, max: 64 }, 'Passes over the completions kept'),
      mini_batches: integer(1, { min: 1, max: 256 }, 'Optimiser steps in each pass'),
      per_device_train_batch_size: microBatch,
    }),
    {},
  ),
};
