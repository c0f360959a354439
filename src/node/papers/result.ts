/** What the result files of an experiment hold. Rates are fractions. */
import type { Recipe } from '../../core/recipe/schema.ts';
import type { SampledScores } from '../../core/train/evaluation.ts';

/** What training cost. */
export interface Costs {
  episodes: number;
  /** Written by the policy. */
  tokens: number;
  /** Queries run for episodes, whatever came of them. */
  queries: number;
}

/** Means of training metrics over windows of updates. */
export interface Curve {
  /** Last update of each window. */
  updates: number[];
  /** Null where a metric was missing throughout a window. */
  metrics: Record<string, (number | null)[]>;
}

/** An arm on a seed, trained and measured: a file of `runs/` or `heldout/`. */
export interface RunResult {
  experiment: string;
  arm: string;
  seed: number;
  /** Identity of the run: its recipe's hash is in the run folder's name. */
  recipe: Recipe;
  fingerprint: string | null;
  /** Seconds of training, evaluation left out. */
  seconds: number;
  updates: number;
  splits: Record<string, SplitResult>;
  costs?: Costs;
  curve?: Curve;
  /** The error that ended training early; what is measured then is the last checkpoint. */
  failed?: string;
}

export interface SplitResult {
  questions: number;
  ex: number;
  ts: number | null;
  soft_f1: number;
  error: number;
  empty: number;
  over_broad: number;
  levels: Record<string, number>;
  /** By eight samples at temperature 1; not on held-out questions. */
  samples: SampledScores | null;
  /** What only some experiments measure, by the name in `METRICS`. */
  more?: Record<string, number>;
}

/** A learning rate tried: a file of `trials/`. */
export interface TrialResult {
  experiment: string;
  arm: string;
  seed: number;
  rate: number;
  updates: number;
  seconds: number;
  /** Greedy execution accuracy on tuning questions; 0 for a run that failed. */
  ex: number;
  failed?: string;
}

/** A model that others start from or are scored by. */
export interface ModelResult {
  seed: number;
  /** Where it is kept. */
  path: string;
  /** As recipes name it: `warm-<seed>`, or the SHA-256 of its weights. */
  checkpoint: string;
  /** Limits it misses: none means that arms may start from it, or be scored by it. */
  missed: string[];
  /** As `stepsql warm-start` and `stepsql prm` measured it. */
  report: Record<string, unknown>;
}

/** A warm start: a file of `warm/`. */
export interface WarmResult extends ModelResult {
  kind: string;
  /** First part it shares with others, where it has one. */
  base?: string;
}

/** A process reward model, trained on traces of the seed's warm start: a file of `prm/`. */
export type PrmResult = ModelResult;
