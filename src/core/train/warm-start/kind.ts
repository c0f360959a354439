/** What a warm start is: a corpus with planted errors, and the limits that make it worth training on. */
import type { SqlJsStatic } from 'sql.js';
import type { Task } from '../../data/task.ts';
import type { Recipe, RecipeInput } from '../../recipe/schema.ts';
import type { EvaluationContext, EvaluationOptions, SampledResult } from '../evaluation.ts';
import type { Corpus } from '../sft.ts';

/** Inclusive. */
export type Limits = Readonly<Record<string, readonly [low: number, high: number]>>;

/** Sampling at the inverse temperature, made part of the weights (`sharpen.ts`). */
export interface Sharpening {
  /** The final norm is scaled by this in any case. */
  sharpness: number;
  /** Share of failing answers on tuning questions, sampled at temperature 1, that a further factor aims at. */
  failing: readonly [low: number, high: number];
}

/** sql.js where it is needed: each platform knows where it lies. */
export type SqlLoader = () => Promise<SqlJsStatic>;

export interface WarmStartKind {
  description: string;
  /** SFT updates: first on gold alone, which learn the task faster than habits could be learnt, then planted. */
  updates: { gold: number; planted: number };
  /** Checkpoint it starts from instead of new weights: another protocol's warm start, whose tokenizer stays. */
  start?: string;
  /** The same of one that goes on from a base; by default no gold: the base has seen enough. */
  updatesFromBase?: { gold: number; planted: number };
  /** Name of its corpus in recipes, where it is not `planted`. */
  corpusName?: 'over-broad';
  /** What its recipe says beside `warmStartRecipe`'s: protocol, data, model. */
  recipe: Pick<RecipeInput, 'protocol' | 'data' | 'policy' | 'turns'>;
  /** Sequences in each update, 32 where it does not say. */
  batch_size?: number;
  /** Texts that the tokenizer is to make one token each. */
  tags?: readonly string[];
  /**
   * The endless corpus: gold for the first `gold_updates` of `recipe.sft`, then with planted errors.
   * @param sql for corpora that show what comes of queries
   */
  corpus(recipe: Recipe, goldUpdates: number, sql: SqlLoader): Corpus | Promise<Corpus>;
  sharpening: Sharpening | null;
  /** Of what is measured on dev questions: `WarmStartReport`'s numbers and those of `measure`. */
  limits: Limits;
  /** Measures of its own. @param sampled eight samples of each task at temperature 1 */
  measure?(
    context: EvaluationContext,
    tasks: readonly Task[],
    sampled: SampledResult,
    options: EvaluationOptions & { seed: number },
    recipe: Recipe,
  ): Promise<Record<string, number>>;
}
