/** How many sequences go through the policy together, and how long they may be, as a recipe says. */
import { episodeTokens } from '../episode/index.ts';
import type { Recipe } from '../recipe/schema.ts';

/** Questions that an evaluation decodes together: memory, not results, depends on it. */
export const EVALUATION_BATCH = 128;

/** The longest completion a recipe allows, in tokens. */
export function maxCompletionLength(recipe: Recipe): number {
  if (recipe.method === 'grpo') return recipe.grpo.max_completion_length;
  if (recipe.method === 'rejection_sft') return recipe.rejection_sft.max_completion_length;
  return episodeTokens(recipe.protocol);
}

/** Sequences decoded together: some prompts with so many samples each. */
export interface DecodeBatch {
  prompts: number;
  samples: number;
}

/** Sequences of one forward and backward pass: items of a prompt with so many completions each. */
export interface TrainBatch {
  items: number;
  completions: number;
  /** Passes of one optimiser step. */
  passes: number;
}

/** The largest batches of a run. */
export function batchesOf(recipe: Recipe): { decode: DecodeBatch[]; train: TrainBatch } {
  const { every, tasks } = recipe.eval;
  const decode: DecodeBatch[] =
    every > 0 ? [{ prompts: Math.min(EVALUATION_BATCH, tasks), samples: 1 }] : [];
  const pass = (items: number, size: number, completions: number): TrainBatch => ({
    ...{ items: Math.min(size, items), completions },
    passes: Math.ceil(items / size),
  });
  if (recipe.method === 'sft') {
    const { batch_size, per_device_train_batch_size } = recipe.sft;
    return { decode, train: pass(batch_size, per_device_train_batch_size, 1) };
  }
  const options = recipe.method === 'grpo' ? recipe.grpo : recipe.rejection_sft;
  const { prompts_per_update: prompts, num_generations: samples, mini_batches } = options;
  decode.push({ prompts, samples });
  const groups = Math.ceil(prompts / mini_batches);
  const size = options.per_device_train_batch_size;
  // GRPO takes whole groups, a pass at least one.
  return recipe.method === 'grpo'
    ? { decode, train: pass(groups, Math.max(1, Math.floor(size / samples)), samples) }
    : { decode, train: pass(Math.ceil((prompts * samples) / mini_batches), size, 1) };
}
