import * as v from 'valibot';
import { choice, flag, integer } from '../controls.ts';
import { microBatch, numUpdates } from '../sections.ts';

/** Supervised fine-tuning on question → SQL. */
export const sft = {
  method: v.literal('sft'),
  sft: v.optional(
    v.strictObject({
      num_updates: numUpdates(1000),
      batch_size: integer(32, { min: 1, max: 4096 }, 'Sequences in each update'),
      per_device_train_batch_size: microBatch,
      corpus: choice(
        ['gold', 'planted', 'over-broad'],
        'gold',
        'What to imitate: gold SQL, gold mixed with planted errors (the warm start), or answers that are ' +
          'often over-broad (a start for the reward hack)',
      ),
      gold_updates: integer(
        0,
        { min: 0, max: 1_000_000 },
        'planted: first updates on gold alone, which learn SQL faster than habits could be learnt',
      ),
      completion_only_loss: flag(true, 'Learn the SQL only, not the prompt'),
    }),
    {},
  ),
};
