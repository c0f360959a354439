/**
 * The warm start in the box: a policy trained on gold SQL, then on gold with planted errors
 * (data/nursery/planted.ts), and the limits it has to meet so that reinforcement learning has
 * something to learn from.
 */
import { tf } from '#tfjs';
import { Habits, plantedExample } from '../data/nursery/planted.ts';
import { NURSERY_VERSION, renderSql, toSchema, trainSchemas } from '../data/nursery/index.ts';
import type { Task } from '../data/task.ts';
import { badInput } from '../errors.ts';
import type { Policy } from '../model/policy.ts';
import { Stream } from '../random/stream.ts';
import { parseRecipe } from '../recipe/parse.ts';
import type { Recipe } from '../recipe/schema.ts';
import { trainBpe, type TokenizerFiles } from '../text/bpe.ts';
import { directPrompt } from '../text/prompt.ts';
import {
  evaluateGreedy,
  evaluateSampled,
  type EvaluationContext,
  type EvaluationOptions,
} from './evaluation.ts';
import type { Corpus } from './sft.ts';

/** Texts the tokenizer learns from. */
const TOKENIZER_TEXTS = 20_000;

/** Vocabulary of the small policy: large enough for every word of the Nursery to be one token. */
export const WARM_VOCABULARY = 2048;

/** Share of the updates that come first and see gold alone. */
const GOLD_SHARE = 0.6;

/** The recipe of a warm start. It starts from scratch. */
export function warmStartRecipe(seed: number, updates: number): Recipe {
  return parseRecipe({
    method: 'sft',
    name: `warm start ${seed}`,
    seed,
    policy: { checkpoint: 'scratch', model: { vocab_size: WARM_VOCABULARY } },
    sft: {
      corpus: 'planted',
      num_updates: updates,
      gold_updates: Math.round(GOLD_SHARE * updates),
      batch_size: 32,
    },
    optimizer: {
      learning_rate: 6e-3,
      adam_beta2: 0.98,
      weight_decay: 0.01,
      lr_scheduler_type: 'cosine',
      warmup_steps: 200,
    },
    eval: { every: 0 },
    checkpoint_every: 1000,
  });
}

/** The corpus SFT imitates, where a recipe names one that is not the tasks' gold. */
export function corpusOf(recipe: Recipe): Corpus | undefined {
  if (recipe.method !== 'sft' || recipe.sft.corpus === 'gold') return undefined;
  const { data } = recipe;
  if (data.kind !== 'nursery') {
    throw badInput('sft.corpus', recipe.sft.corpus, 'gold, for data that is not the Nursery');
  }
  return plantedCorpus(data.seed, data.train_schemas, recipe.seed, recipe.sft.gold_updates);
}

/** The endless planted corpus over the training schemas of a Nursery. */
export function plantedCorpus(
  nurserySeed: number,
  schemaCount: number,
  seed: number,
  goldUpdates = 0,
): Corpus {
  const variants = trainSchemas(nurserySeed, schemaCount);
  const habits = new Habits(seed);
  const schemas = new Map(variants.map((variant) => [variant, toSchema(variant)]));
  return (update, index) => {
    const stream = new Stream(seed, 'planted', update, index);
    const example = plantedExample(variants, stream, seed, habits);
    const { variant, question } = example;
    const sql = update <= goldUpdates ? renderSql(example.query) : example.sql;
    const prompt = directPrompt(schemas.get(variant)!, { question }, { style: 'compact' });
    return { prompt, turns: [{ text: sql }] };
  };
}

/** The byte-level BPE of the small policies, learnt from the Nursery itself. */
export function nurseryTokenizer(
  nurserySeed: number,
  schemaCount: number,
  vocabSize: number,
): TokenizerFiles {
  const corpus = plantedCorpus(nurserySeed, schemaCount, nurserySeed);
  const texts = Array.from({ length: TOKENIZER_TEXTS }, (_, i) => {
    const { prompt, turns } = corpus(0, i);
    return prompt + turns.map(({ text, observation = '' }) => text + observation).join('');
  });
  return trainBpe(texts, { vocabSize });
}

/**
 * A policy this small is less sure at temperature 1 than its corpus: a third of its samples slip into
 * names that do not exist. Scaling the final norm is sampling at the inverse temperature, made part of
 * the weights: every warm start is scaled by the first number, then by the first of the second for
 * which the share of failing samples on tuning questions is within these limits.
 */
const SHARPNESS = 1.25;
const ADJUSTMENTS = [1, 1.1, 0.9, 1.2, 0.8, 1.3];
const FAILING_ON_TUNING = [0.22, 0.31] as const;

function scaleFinalNorm(policy: Policy, factor: number): void {
  const norm = policy.parameters.get('norm')!;
  tf.tidy(() => norm.assign(tf.mul(norm, factor)));
}

/** Sharpens the policy in place; returns the factors. */
export async function sharpen(
  context: EvaluationContext,
  tuning: readonly Task[],
  options: EvaluationOptions & { seed: number },
): Promise<{ sharpness: number; adjustment: number }> {
  const { policy } = context;
  scaleFinalNorm(policy, SHARPNESS);
  const norm = policy.parameters.get('norm')!;
  const sharpened = tf.clone(norm);
  const [low, high] = FAILING_ON_TUNING;
  let adjustment = 1;
  for (const factor of ADJUSTMENTS) {
    tf.tidy(() => norm.assign(tf.clone(sharpened)));
    if (factor !== 1) scaleFinalNorm(policy, factor);
    const { error_rate } = await evaluateSampled(context, tuning, { ...options, k: SAMPLES });
    adjustment = factor;
    if (error_rate >= low && error_rate <= high) break;
  }
  sharpened.dispose();
  return { sharpness: SHARPNESS, adjustment };
}

/** Samples per question, the G of the acceptance limits. */
const SAMPLES = 8;

/** What a warm start measures, on dev questions. */
export interface WarmStartReport {
  nursery_version: number;
  seed: number;
  questions: number;
  greedy: number;
  pass_at_1: number;
  pass_at_8: number;
  majority_at_8: number;
  all_wrong: number;
  all_right: number;
  /** Share of samples at T = 1 that do not execute, and of greedy answers. */
  failing: number;
  greedy_failing: number;
  /** Greedy accuracy of each level. */
  levels: Record<string, number>;
}

/** Inclusive limits; outside them groups are too often all wrong or all right to learn from. */
export const ACCEPTANCE = {
  greedy: [0.25, 0.35],
  pass_at_1: [0.2, 0.35],
  pass_at_8: [0.55, 0.75],
  all_wrong: [0.25, 0.45],
  all_right: [0, 0.1],
  failing: [0.2, 0.3],
  level: [0.05, 0.7],
} as const satisfies Record<string, readonly [number, number]>;

export async function measureWarmStart(
  context: EvaluationContext,
  tasks: readonly Task[],
  options: EvaluationOptions & { seed: number },
  onBatch: (done: number) => void,
): Promise<WarmStartReport> {
  const greedy = await evaluateGreedy(context, tasks, options, onBatch);
  const sampled = await evaluateSampled(context, tasks, { ...options, k: SAMPLES }, (done) =>
    onBatch(tasks.length + done),
  );
  return {
    nursery_version: NURSERY_VERSION,
    seed: options.seed,
    questions: tasks.length,
    greedy: greedy.all.ex,
    pass_at_1: sampled.pass_at_1,
    pass_at_8: sampled.pass_at_k,
    majority_at_8: sampled.majority_at_k,
    all_wrong: sampled.all_wrong,
    all_right: sampled.all_right,
    failing: sampled.error_rate,
    greedy_failing: greedy.all.error_rate,
    levels: Object.fromEntries(
      Object.entries(greedy.by_difficulty).map(([level, { ex }]) => [level, ex]),
    ),
  };
}

/** The limits a report misses, in words; none means accepted. */
export function missedLimits(report: WarmStartReport): string[] {
  const measured: [string, number, readonly [number, number]][] = [
    ...(['greedy', 'pass_at_1', 'pass_at_8', 'all_wrong', 'all_right', 'failing'] as const).map(
      (name): [string, number, readonly [number, number]] => [name, report[name], ACCEPTANCE[name]],
    ),
    ...Object.entries(report.levels).map(
      ([level, ex]): [string, number, readonly [number, number]] => [
        `level ${level}`,
        ex,
        ACCEPTANCE.level,
      ],
    ),
  ];
  return measured
    .filter(([, value, [low, high]]) => value < low || value > high)
    .map(([name, value, [low, high]]) => `${name} ${value.toFixed(3)}, wanted ${low} to ${high}`);
}
