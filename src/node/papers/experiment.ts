/**
 * An experiment as data: arms trained from the same warm start of each seed, measured on the same
 * questions, and the differences between them that are claimed beforehand.
 */
import { badInput } from '../../core/errors.ts';
import { patch } from '../../core/recipe/change.ts';
import { parseRecipe } from '../../core/recipe/parse.ts';
import { presetRecipe } from '../../core/recipe/presets.ts';
import type { Recipe } from '../../core/recipe/schema.ts';
import { needsProcessModel } from '../../core/train/step-values.ts';
import { changesFor, type WarmStartName } from '../../core/train/warm-start/index.ts';
import type { MetricName } from './metrics.ts';
import type { RunResult } from './result.ts';

/** Nested changes of a recipe, as in a file. */
type Changes = Record<string, unknown>;

export interface Arm {
  name: string;
  /** What the arm shows, for the report. */
  description: string;
  /** Preset that `changes` are made to; null measures the warm start itself. */
  preset: string | null;
  changes?: Changes;
  /** The arm whose learning rate it takes instead of trials of its own: a control that differs in one thing only. */
  rateOf?: string;
  /** Reported as an estimate over `EXPLORATORY_SEEDS`, without a claim. */
  exploratory?: true;
}

/** One side of a contrast: an arm and what is measured of it on dev. */
export interface Side {
  arm: string;
  metric: MetricName;
}

/**
 * What a contrast claims of `a` against `b`, in the direction in which the metric is better:
 * - `better`: the difference is above zero. Seeds are computed so that a difference of `effect` is found;
 *   a relative one is a share of b's mean, and the share reached must be as large as well;
 * - `not-worse`: not worse by more than `margin`. Seeds are computed for no difference at all.
 */
export type Claim =
  { is: 'better'; effect: number | { relative: number } } | { is: 'not-worse'; margin: number };

export interface Contrast {
  name: string;
  a: Side;
  b: Side;
  claim: Claim;
}

/** Numbers from a paper, to be printed beside ours. */
export interface Published {
  caption: string;
  head: readonly string[];
  rows: readonly (readonly string[])[];
}

export interface Experiment {
  name: string;
  title: string;
  paper?: {
    title: string;
    arxiv: string;
    /** What it claims, a sentence or two. */
    claim: string;
    published: readonly Published[];
  };
  /** Kind of warm start its arms share: their protocol, and the world their questions are from. */
  start: WarmStartName;
  /** Changes to every trained arm, after the kind's and before its own. */
  common?: Changes;
  arms: readonly Arm[];
  contrasts: readonly Contrast[];
  /** Columns of the tables, in order. */
  metrics: readonly MetricName[];
  /** Metrics of training that are drawn over the updates. */
  curves: readonly string[];
  /** A process reward model is trained for each seed, on traces of its warm start. */
  prm?: true;
  /** Learning rates each arm is tried with, on tuning seeds and tuning questions; null keeps the presets'. */
  trials: { rates: readonly number[]; seeds: number } | null;
  /** First seeds, from whose spread the number of seeds is computed; null: `seeds`. */
  pilot: number | null;
  /** Seeds without a pilot. */
  seeds?: readonly number[];
  /** Tokens of an answer that is measured; by default what the recipe allows in training. */
  maxCompletionLength?: number;
  /** Attempts on the tuning split where a contrast did not come out, for the report. */
  tried?: readonly string[];
  /** What the report has to say beyond its tables, and what it finds in the runs. */
  remarks?: readonly string[];
  findings?: (runs: readonly RunResult[]) => string[];
}

/** Seeds of exploratory arms. */
export const EXPLORATORY_SEEDS = 5;

/** Splits of the Nursery an experiment uses: to tune on, to measure on, and to touch once. */
export const SPLITS = { tuning: 'tuning', dev: 'dev', heldout: 'heldout_schemas' } as const;

export function findArm(experiment: Experiment, name: string, field = 'arm'): Arm {
  const arm = experiment.arms.find((a) => a.name === name);
  if (arm) return arm;
  throw badInput(field, name, `one of ${experiment.arms.map((a) => a.name).join(', ')}`);
}

export const trainedArms = (experiment: Experiment): Arm[] =>
  experiment.arms.filter(({ preset }) => preset !== null);

export interface RecipeChoice {
  seed: number;
  /** Recipe's name of the warm start: `warm-<seed>` or a checkpoint's hash. */
  checkpoint: string;
  /** Of the process reward model, where the arm is scored by one. */
  prm?: string;
  /** Learning rate; the preset's by default. */
  rate?: number;
}

/**
 * The recipe of an arm on a seed: its own randomness, the seed's warm start, the same questions. What is
 * not trained is measured by the recipe of the first arm that is.
 */
export function armRecipe(
  experiment: Experiment,
  arm: Arm,
  { seed, checkpoint, prm, rate }: RecipeChoice,
): Recipe {
  const { preset, changes = {} } = arm.preset === null ? trainedArms(experiment)[0]! : arm;
  const box = presetRecipe(preset!);
  const { grpo, ...start } = changesFor(experiment.start);
  const started = parseRecipe(patch(box, { ...start, ...(box.method === 'grpo' && { grpo }) }));
  const common = parseRecipe(patch(started, experiment.common ?? {}));
  const changed = parseRecipe(patch(common, changes));
  const scored = prm !== undefined && needsProcessModel(changed);
  const recipe = scored
    ? parseRecipe(patch(changed, { process_values: { checkpoint: prm } }))
    : changed;
  return parseRecipe({
    ...recipe,
    name: arm.name,
    seed,
    policy: { ...recipe.policy, checkpoint },
    optimizer: { ...recipe.optimizer, ...(rate !== undefined && { learning_rate: rate }) },
    eval: { ...recipe.eval, every: 0 }, // measured at the end, on other questions
  });
}
