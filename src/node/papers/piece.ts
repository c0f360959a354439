/** One arm on one seed: trains it and measures the result. */
import { join } from 'node:path';
import { badInput } from '../../core/errors.ts';
import { presetRecipe } from '../../core/recipe/presets.ts';
import type { Recipe } from '../../core/recipe/schema.ts';
import { localRewards } from '../../core/reward/service.ts';
import type { SqlService } from '../../core/sql/outcome.ts';
import { localCompute } from '../../core/train/compute.ts';
import { DatabaseHashes, Prompts } from '../../core/train/context.ts';
import {
  evaluateGreedy,
  evaluateSampled,
  type SampledResult,
  type SampledScores,
} from '../../core/train/evaluation.ts';
import { train, type RunEvent } from '../../core/train/run.ts';
import { corpusOf } from '../../core/train/warm-start/index.ts';
import type { LoadedPolicy } from '../../core/train/starting-policy.ts';
import { loadCheckpoint, startingPolicy } from '../checkpoints.ts';
import { RunFolder } from '../run-folder.ts';
import { loadData } from '../run-inputs.ts';
import { nodeSqlPool } from '../sql-pool.ts';
import type { Arm } from './experiment.ts';

/** What a result file holds. Rates are fractions. */
export interface PieceResult {
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
  /** By eight samples at temperature 1, on the first split only. */
  samples: SampledScores | null;
}

export interface PieceOptions {
  experiment: string;
  seed: number;
  /** Its name for fingerprints. */
  backend: string;
  /** Folder of the run. */
  runs: string;
  /** Splits to measure on. */
  splits: readonly string[];
  questions: number;
  stop: AbortSignal;
  onProgress: (done: number, total: number, text: string) => void;
}

const warmRecipe = presetRecipe('grpo');

/** The recipe of an arm on a seed: its own randomness, the seed's warm start, the same questions. */
export function pieceRecipe(arm: Arm, seed: number): Recipe {
  const recipe = arm.recipe ?? warmRecipe;
  return {
    ...recipe,
    name: arm.name,
    seed,
    policy: { ...recipe.policy, checkpoint: `warm-${seed}` },
    eval: { ...recipe.eval, every: 0 }, // measured at the end, on other questions
  };
}

/** Undefined when stopped; the run can go on from its last checkpoint. */
export async function runPiece(arm: Arm, options: PieceOptions): Promise<PieceResult | undefined> {
  const { seed, stop, backend, onProgress } = options;
  const recipe = pieceRecipe(arm, seed);
  const { data } = await loadData(recipe, options.splits);
  let start = await startingPolicy(recipe);
  const sql = nodeSqlPool({ size: 1, timeLimitMs: recipe.sql.timeout_ms });
  try {
    let seconds = 0;
    let end: Extract<RunEvent, { type: 'end' }> | undefined;
    if (arm.recipe) {
      const path = join(options.runs, `${arm.name}-${seed}`);
      const store = new RunFolder(path);
      const corpus = corpusOf(recipe);
      const inputs = { recipe, data, ...start, ...(corpus && { corpus }) };
      const clock = (): number => performance.now();
      let updates = 0;
      const ports = { sql, rewards: localRewards, store, clock, stop, backend };
      for await (const event of train(inputs, ports)) {
        if (event.type === 'start') updates = event.updates;
        if (event.type === 'update') {
          seconds += event.metrics['step_time'] ?? 0;
          onProgress(event.update, updates, describe(event.metrics));
        }
        if (event.type === 'end') end = event;
      }
      await store.writeReport();
      await store.close();
      if (!end?.finished) return undefined;
      start = await loadCheckpoint(path);
    }
    const splits: Record<string, SplitResult> = {};
    for (const split of options.splits) {
      splits[split] = await measure(start, recipe, data, split, sql, options);
    }
    return {
      ...{ experiment: options.experiment, arm: arm.name, seed, recipe, seconds },
      fingerprint: end?.fingerprint.head ?? null,
      updates: end?.update ?? 0,
      splits,
    };
  } finally {
    await sql.close();
  }
}

const describe = (m: Record<string, number>): string =>
  m['reward'] === undefined
    ? `loss ${m['loss']?.toFixed(4) ?? '–'}`
    : `right ${m['sql/ex']!.toFixed(3)}  failing ${m['sql/error']!.toFixed(3)}`;

async function measure(
  { policy, tokenizer }: LoadedPolicy,
  recipe: Recipe,
  data: Awaited<ReturnType<typeof loadData>>['data'],
  split: string,
  sql: SqlService,
  { questions, splits, onProgress }: PieceOptions,
): Promise<SplitResult> {
  const tasks = data.splits.get(split)?.slice(0, questions);
  if (!tasks) throw badInput('split', split, [...data.splits.keys()].join(', '));
  const context = {
    ...{ policy, compute: localCompute(policy), tokenizer, sql },
    prompts: new Prompts(tokenizer, data.databases, recipe),
    databases: new DatabaseHashes(sql, data.databases),
  };
  const options = { max_completion_length: 64, batch_size: 64, test_suite: true };
  const report = (done: number): void => onProgress(done, tasks.length, `${split} questions`);
  const { all, by_difficulty } = await evaluateGreedy(context, tasks, options, report);
  // The same draws for every arm and seed: only the policy differs.
  const sampling = { ...options, test_suite: false, k: 8, seed: 0 };
  const sampled = split === splits[0] && (await evaluateSampled(context, tasks, sampling, report));
  return {
    questions: tasks.length,
    ex: all.ex,
    ts: all.ts ?? null,
    soft_f1: all.soft_f1,
    error: all.error_rate,
    empty: all.empty_rate,
    over_broad: all.over_broad_rate,
    levels: Object.fromEntries(Object.entries(by_difficulty).map(([level, { ex }]) => [level, ex])),
    samples: sampled ? scores(sampled) : null,
  };
}

function scores({ by_difficulty: _, groups: __, ...all }: SampledResult): SampledScores {
  return all;
}
