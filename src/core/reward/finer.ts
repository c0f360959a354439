/**
 * FINER-SQL's reward (arXiv 2605.03465), as the released code computes it:
 *
 *     R = F · (1 + E + M)
 *     F = 1 for `<think> thought </think> SQL` with a thought of more than 100 characters, else 0
 *     E = 2 when the results are equal sets of rows; 1 + a when the query runs, a its atomic score; else 0
 *     M = 1 when the results are equal; else the cosine of the thought with the centroid of the verified thoughts
 *         nearest to it, for thoughts of more than 30 characters; 0 without memory
 *
 * A right answer earns 4, a wrong one that runs at most 3.8005, a failing one at most 2 (3, 2.8005 and 1 with
 * memory off): a ≤ 0.8005 and M ≤ 1.
 *
 * This project's: weights; `variant: sparse`, F · 1[match], which shows what the dense terms add; the choice of
 * `comparison`. Without gold SQL (answers only) a is 0. `episode.similarity` is the cosine, which
 * train/thought-memory.ts writes as the options `thoughts` say.
 */
import * as v from 'valibot';
import { answerStep } from '../episode/episode.ts';
import { choice, flag, integer, number } from '../recipe/controls.ts';
import { Lru } from '../sql/lru.ts';
import { atomicOperations } from '../sql/operations.ts';
import { loadSqlParser, sqlParser } from '../sql/parser.ts';
import { ATOMIC_SHAPE, atomicScore, mostShaped } from './atomic.ts';
import { formattedThought, passesFormatGate } from './format.ts';
import { memoryOptions } from './memory.ts';
import { comparisonOption } from './options.ts';
import { missingReward, type RewardFunction } from './reward.ts';
import { verdictOf } from './verdict.ts';

const weight = (description: string) =>
  number(1, { min: 0, max: 1000, step: 0.1 }, `weight ${description}`);

export const finerOptions = v.pipe(
  v.strictObject({
    variant: choice(
      ['full', 'sparse'],
      'full',
      'full: F · (1 + E + M); sparse: F · 1[match], to compare with',
    ),
    comparison: comparisonOption,
    minThoughtCharacters: integer(
      100,
      { min: 0, max: 100_000 },
      'a thought has to be longer to pass the format gate (the paper 100; 40 fits small policies)',
    ),
    minMemoryCharacters: integer(
      30,
      { min: 0, max: 100_000 },
      'a thought has to be longer to be compared with verified ones',
    ),
    atomic: flag(true, 'reward operations shared with the gold SQL'),
    memory: flag(true, 'reward thoughts close to verified ones'),
    thoughts: memoryOptions,
    formatWeight: weight('of the format'),
    executionWeight: number(
      1,
      { min: 0.01, max: 1000, step: 0.1 },
      'weight of running (once) and of a match (twice)',
    ),
    atomicWeight: weight('of the atomic score'),
    memoryWeight: weight('of the memory term'),
    atomicLinear: number(
      ATOMIC_SHAPE.linear,
      { min: 0, max: 1, step: 0.01 },
      'e of the atomic shape e·J + (1 − e)·β·J^γ',
    ),
    atomicScale: number(ATOMIC_SHAPE.scale, { min: 0, max: 100, step: 0.01 }, 'β of it'),
    atomicExponent: number(ATOMIC_SHAPE.exponent, { min: 0.01, max: 100, step: 0.1 }, 'γ of it'),
  }),
  // No wrong answer outscores a right one (ARCHITECTURE.md): a match has to add more than any atomic score.
  v.forward(
    v.check(
      (options) =>
        options.atomicWeight * mostShaped(shapeOf(options)) <= 0.99 * options.executionWeight,
      'an atomic term below `executionWeight`, or a wrong query could earn as much as a right one',
    ),
    ['atomicWeight'],
  ),
);

export type FinerOptions = v.InferOutput<typeof finerOptions>;

type ShapeOptions = Record<'atomicLinear' | 'atomicScale' | 'atomicExponent', number>;

const shapeOf = ({ atomicLinear, atomicScale, atomicExponent }: ShapeOptions) => ({
  ...{ linear: atomicLinear, scale: atomicScale, exponent: atomicExponent },
});

/** Queries whose operations are remembered: golds and what policies write again and again. */
const REMEMBERED = 4096;

/** Operations of queries, remembered. */
function remembered(): (sql: string) => ReadonlySet<string> {
  const known = new Lru<ReadonlySet<string>>(REMEMBERED);
  return (sql) => {
    let operations = known.get(sql);
    if (!operations) known.set(sql, (operations = atomicOperations(sql, sqlParser())));
    return operations;
  };
}

/** The parser, without which the atomic score cannot be computed. */
export async function prepareFiner({ variant, atomic }: FinerOptions): Promise<void> {
  if (variant === 'full' && atomic) await loadSqlParser();
}

/** @throws StepSqlError when the atomic score is wanted and `prepareFiner` was not awaited */
export function finer(options: FinerOptions): RewardFunction {
  const operations = remembered();
  const shape = shapeOf(options);
  return (episode) => {
    const verdict = verdictOf(episode, options.comparison);
    if (verdict === 'missing') return missingReward();
    const match = verdict === 'right';
    const runs = match || verdict === 'wrong';
    const { text = '', sql = '' } = answerStep(episode) ?? {};
    const gate = passesFormatGate(text, options.minThoughtCharacters) ? 1 : 0;
    if (options.variant === 'sparse') {
      const total = match ? gate : 0;
      return { total, terms: { execution: total }, steps: [] };
    }
    const terms = { format: 0, execution: 0, atomic: 0, memory: 0 };
    if (gate === 0) return { total: 0, terms, steps: [] };
    terms.format = options.formatWeight;
    terms.execution = options.executionWeight * (match ? 2 : runs ? 1 : 0);
    if (runs && !match && options.atomic) {
      const golds = (episode.task.gold ?? []).map(operations);
      terms.atomic = options.atomicWeight * atomicScore(operations(sql), golds, shape);
    }
    if (options.memory) {
      const long = formattedThought(text)!.length > options.minMemoryCharacters;
      const cosine = long ? (episode.similarity ?? 0) : 0;
      terms.memory = options.memoryWeight * (match ? 1 : cosine);
    }
    const total = terms.format + terms.execution + terms.atomic + terms.memory;
    return { total, terms, steps: [] };
  };
}
