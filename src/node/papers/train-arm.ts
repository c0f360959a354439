/** Trains an arm on a seed, or goes on with it, and says what it cost. */
import { join } from 'node:path';
import { StepSqlError } from '../../core/errors.ts';
import { mean } from '../../core/evaluate/statistics.ts';
import type { Recipe } from '../../core/recipe/schema.ts';
import { localRewards } from '../../core/reward/service.ts';
import { loadSql } from '../../core/sql/load.ts';
import type { RunData } from '../../core/train/context.ts';
import { train, type RunEvent } from '../../core/train/run.ts';
import type { SqlPool } from '../../core/sql/pool.ts';
import type { MetricsLine } from '../../core/train/run-store.ts';
import { corpusOf } from '../../core/train/warm-start/index.ts';
import { processModelOf, startingPolicy } from '../checkpoints.ts';
import { RunFolder } from '../run-folder.ts';
import { nodeSqlPool } from '../sql-pool.ts';
import type { MakeOptions } from './piece.ts';
import type { Costs, Curve } from './result.ts';

/** One worker: pieces run side by side. */
export const openSql = ({ sql }: Recipe, workerFile?: string): SqlPool =>
  nodeSqlPool({
    ...{ size: 1, timeLimitMs: sql.timeout_ms },
    sandbox: { date: Date.parse(sql.date), maxRows: sql.row_cap },
    ...(workerFile !== undefined && { workerFile }),
  });

/** Updates that one point of a curve is the mean of. */
const WINDOW = 5;

/** Not drawn, and different on every machine. */
const LEFT_OUT = new Set(['step', 'step_time', 'learning_rate']);

const rounded = (value: number): number => Number(value.toPrecision(4));

/** Means over windows of updates: what a result file can carry of metrics.jsonl. */
export function thinned(metrics: readonly MetricsLine[]): Curve {
  const names = [...new Set(metrics.flatMap((line) => Object.keys(line)))].filter(
    (name) => !LEFT_OUT.has(name) && !name.startsWith('eval/'),
  );
  const windows: MetricsLine[][] = [];
  metrics.forEach((line, i) => {
    if (i % WINDOW === 0) windows.push([]);
    windows.at(-1)!.push(line);
  });
  const average = (window: MetricsLine[], name: string): number | null => {
    const values = window.map((line) => line[name] ?? NaN).filter(Number.isFinite);
    return values.length > 0 ? rounded(mean(values)) : null;
  };
  return {
    updates: windows.map((window) => window.at(-1)!.step),
    metrics: Object.fromEntries(
      names.map((name) => [name, windows.map((window) => average(window, name))]),
    ),
  };
}

const total = (metrics: readonly MetricsLine[], name: string): number =>
  metrics.reduce((sum, line) => sum + (line[name] ?? 0), 0);

function costsOf(recipe: Recipe, metrics: readonly MetricsLine[]): Costs | undefined {
  if (recipe.method === 'sft') return undefined;
  const { prompts_per_update, num_generations } =
    recipe.method === 'grpo' ? recipe.grpo : recipe.rejection_sft;
  return {
    episodes: metrics.length * prompts_per_update * num_generations,
    tokens: total(metrics, 'num_tokens'),
    queries: total(metrics, 'sql/queries'),
  };
}

/** Folders of models that a recipe does not find by name. */
export interface Models {
  start: string | undefined;
  prm: string | undefined;
}

export interface Trained {
  fingerprint: string | null;
  updates: number;
  seconds: number;
  curve: Curve;
  costs?: Costs;
  failed?: string;
}

const describe = (m: Record<string, number>): string =>
  m['reward'] === undefined
    ? `loss ${m['loss']?.toFixed(4) ?? '–'}`
    : `right ${m['sql/ex']!.toFixed(3)}  failing ${m['sql/error']!.toFixed(3)}`;

/**
 * Undefined when stopped. A run whose numbers were none any more (`diverged`) is a result: it says so in
 * `failed` and leaves its last checkpoint.
 */
export async function trainArm(
  recipe: Recipe,
  folder: string,
  data: RunData,
  { start, prm }: Models,
  {
    stop,
    backend,
    onProgress,
    workerFile,
  }: Pick<MakeOptions, 'stop' | 'backend' | 'onProgress' | 'workerFile'>,
): Promise<Trained | undefined> {
  const store = new RunFolder(folder);
  const sql = openSql(recipe, workerFile);
  const corpus = await corpusOf(recipe, loadSql);
  let end: Extract<RunEvent, { type: 'end' }> | undefined;
  let failed: string | undefined;
  try {
    const inputs = {
      ...{ recipe, data, ...(await startingPolicy(recipe, start)) },
      ...(await processModelOf(recipe, prm)),
      ...(corpus && { corpus }),
    };
    const clock = (): number => performance.now();
    const ports = { sql, rewards: localRewards, store, clock, stop, backend };
    let updates = 0;
    try {
      for await (const event of train(inputs, ports)) {
        if (event.type === 'start') updates = event.updates;
        if (event.type === 'update') onProgress(event.update, updates, describe(event.metrics));
        if (event.type === 'end') end = event;
      }
    } catch (error) {
      if (!(error instanceof StepSqlError) || error.code !== 'diverged') throw error;
      failed = error.message;
    }
    if (!failed && !end?.finished) return undefined;
    const metrics = await store.readMetrics();
    if (metrics.length > 0) await store.writeReport();
    const costs = costsOf(recipe, metrics);
    return {
      fingerprint: end?.fingerprint.head ?? null,
      updates: metrics.length,
      seconds: total(metrics, 'step_time'),
      curve: thinned(metrics),
      ...(costs && { costs }),
      ...(failed !== undefined && { failed }),
    };
  } finally {
    await store.close();
    await sql.close();
  }
}

/** Where the run of an arm is kept. */
export const runFolder = (runs: string, arm: string, seed: number): string =>
  join(runs, `${arm}-${seed}`);
