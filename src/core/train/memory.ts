/**
 * How much memory a run needs, from shapes alone: what to tell people when it does not fit. It is an
 * estimate of tensors at their peak, for prompts and completions as long as they may be, and within a
 * factor of two of what is measured (memory.test.ts). Backends take more, for copies and because memory
 * comes in pieces.
 */
import type { ModelConfig } from '../model/config.ts';
import { PACK, parameterShapes, PROMPT_MULTIPLE } from '../model/shapes.ts';
import type { Recipe } from '../recipe/schema.ts';
import { batchesOf, maxCompletionLength, type DecodeBatch, type TrainBatch } from './batches.ts';
import {
  BACKWARD_SHARE,
  decodeFloats,
  forwardFloats,
  LOGIT_ROWS,
  qkvWidth,
  type TensorPath,
} from './memory-shapes.ts';

/** In bytes. Sampling and the update take turns. */
export interface MemoryEstimate {
  /** The policy, and the reference policy where there is one. */
  parameters: number;
  /** Two moments of each parameter. */
  optimizer: number;
  /** Most that sampling or an evaluation adds. */
  sampling: number;
  /** Most that one forward and backward pass adds, gradients included. */
  update: number;
  total: number;
}

export interface MemoryOptions {
  path: TensorPath;
  /** Tokens of the longest prompt there is; by default of the longest that the recipe allows. */
  promptLength?: number;
}

interface Lengths {
  prompt: number;
  completion: number;
}

const FLOAT = 4;

const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;

export function estimateMemory(
  recipe: Recipe,
  config: ModelConfig,
  { path, promptLength = recipe.prompt.max_prompt_length }: MemoryOptions,
): MemoryEstimate {
  const weights = parameterShapes(config).reduce(
    (sum, [, shape]) => sum + shape.reduce((product, n) => product * n, 1),
    0,
  );
  const completion = maxCompletionLength(recipe);
  const prompt = Math.min(promptLength, config.max_position_embeddings - completion);
  const lengths = { prompt: Math.max(1, prompt), completion };
  const { decode, train } = batchesOf(recipe);
  const reference = recipe.method === 'grpo' && recipe.grpo.beta > 0;
  const rotary = config.max_position_embeddings * config.head_dim;
  const parameters = FLOAT * (reference ? 2 : 1) * (weights + rotary);
  const optimizer = FLOAT * 2 * weights;
  const sampling =
    FLOAT * Math.max(0, ...decode.map((batch) => decodePeak(config, path, batch, lengths)));
  const update = FLOAT * trainPeak(config, path, train, lengths, weights);
  const total = parameters + optimizer + Math.max(sampling, update);
  return { parameters, optimizer, sampling, update, total };
}

/** Floats of sampling: reading the prompts, or writing a token with all caches. */
function decodePeak(
  config: ModelConfig,
  path: TensorPath,
  { prompts, samples }: DecodeBatch,
  { prompt, completion }: Lengths,
): number {
  const { num_hidden_layers: layers, hidden_size: hidden, vocab_size: vocabulary } = config;
  const length = roundUp(prompt, PROMPT_MULTIPLE);
  const tokens = prompts * length;
  const rows = prompts * samples;
  const qkv = qkvWidth(config);
  // One layer's cache is copied whenever samples finish.
  const own = (layers + 1) * rows * completion * qkv;
  const logits = rows * (hidden + vocabulary);
  // One layer after the other; of each the prompts' qkv stays.
  const reading = tokens * (forwardFloats(config, path, length) + layers * (qkv + hidden)) + logits;
  const step = rows * decodeFloats(config, path, length, completion) + logits;
  const drawing = rows * vocabulary * LOGIT_ROWS[path].sample;
  return own + Math.max(reading, layers * tokens * qkv + Math.max(step, drawing));
}

/** Floats of one forward and backward pass. */
function trainPeak(
  config: ModelConfig,
  path: TensorPath,
  { items, completions, passes }: TrainBatch,
  { prompt, completion }: Lengths,
  weights: number,
): number {
  const { num_hidden_layers: layers, hidden_size: hidden, vocab_size: vocabulary } = config;
  const item = prompt + completions * completion;
  const length = roundUp(Math.max(PACK.rowLength, item), PACK.multiple);
  const tokens = Math.ceil(items / Math.floor(length / item)) * length;
  const predictions = items * completions * completion;
  const { forward, backward } = LOGIT_ROWS[path];
  const through = tokens * (layers * forwardFloats(config, path, length) + 2 * hidden);
  const once = through + predictions * (hidden + forward * vocabulary);
  const back = through * BACKWARD_SHARE[path] + predictions * (hidden + backward * vocabulary);
  // The embedding's gradient comes from both its ends, and is their sum.
  const gradients = weights + (config.tie_word_embeddings ? 2 : 0) * vocabulary * hidden;
  const summed = passes > 1 ? weights : 0;
  return Math.max(once + back + gradients + summed, 3 * summed);
}

/** Batch sizes to change, by path in the recipe. */
export type BatchSizes = Record<string, number>;

type Section = Record<string, number>;

/**
 * The largest batch sizes, by halving, with which a run fits; empty when it fits as it is, undefined when
 * none makes it fit. They belong to another recipe: sums in another order give other bits.
 */
export const whatFits = (
  recipe: Recipe,
  config: ModelConfig,
  limitBytes: number,
  options: MemoryOptions,
): BatchSizes | undefined => shrunk(recipe, config, limitBytes, options)?.changes;

function shrunk(
  recipe: Recipe,
  config: ModelConfig,
  limitBytes: number,
  options: MemoryOptions,
): { recipe: Recipe; changes: BatchSizes } | undefined {
  const { method } = recipe;
  const changes: BatchSizes = {};
  let current = recipe;
  const of = (section: string): Section =>
    (current as unknown as Record<string, Section>)[section]!;
  const shrink = (section: string, name: string, least: number, fits: () => boolean): void => {
    let value = of(section)[name]!;
    while (!fits() && value > least) {
      value = Math.max(least, Math.floor(value / 2));
      changes[`${section}.${name}`] = value;
      current = { ...current, [section]: { ...of(section), [name]: value } } as Recipe;
    }
  };
  const fits = (part: 'sampling' | 'update', asIf: Partial<Recipe> = {}) => {
    const estimate = estimateMemory({ ...current, ...asIf } as Recipe, config, options);
    return estimate.parameters + estimate.optimizer + estimate[part] <= limitBytes;
  };
  // GRPO takes whole groups: less than one changes nothing.
  const group = recipe.method === 'grpo' ? recipe.grpo.num_generations : 1;
  shrink(method, 'per_device_train_batch_size', group, () => fits('update'));
  if (method !== 'sft') {
    const withoutEvaluation = { eval: { ...recipe.eval, every: 0 } };
    const least = of(method)['mini_batches']!;
    shrink(method, 'prompts_per_update', least, () => fits('sampling', withoutEvaluation));
  }
  if (recipe.eval.every > 0) shrink('eval', 'tasks', 1, () => fits('sampling'));
  return fits('update') && fits('sampling') ? { recipe: current, changes } : undefined;
}

/** Parts to aim for of what there is or was asked for: an estimate errs, and others take memory too. */
const SAFE_SHARES = [0.5, 0.8];

export interface Shortage extends MemoryOptions {
  /** All the memory there is, where that is known. */
  limitBytes?: number;
}

/** One sentence for people whose run did not fit: what it needs, and what would fit. */
export function outOfMemoryMessage(
  recipe: Recipe,
  config: ModelConfig,
  { limitBytes = Infinity, ...options }: Shortage,
): string {
  const { total } = estimateMemory(recipe, config, options);
  const needs = `memory is exhausted: this run needs about ${size(total)}`;
  const among = limitBytes < Infinity ? ` of the ${size(limitBytes)} there are at most` : '';
  const found = SAFE_SHARES.map((share) =>
    shrunk(recipe, config, share * Math.min(limitBytes, total), options),
  ).find((smaller) => smaller !== undefined);
  if (!found) {
    return `${needs}${among}, and no batch size makes it fit: choose a smaller policy.model, num_generations or max_completion_length`;
  }
  const sizes = Object.entries(found.changes).map(([path, value]) => `${path} ${value}`);
  const less = estimateMemory(found.recipe, config, options).total;
  return `${needs}${among}; with ${sizes.join(' and ')} it would need about ${size(less)}`;
}

/** Powers of 1024, as browsers and systems count memory. */
function size(bytes: number): string {
  const megabytes = bytes / 0x10_0000;
  return megabytes < 1024
    ? `${Math.max(1, Math.round(megabytes))} MB`
    : `${(megabytes / 1024).toFixed(1)} GB`;
}
