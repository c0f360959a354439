/** From what a recipe names as data to the tasks and databases of a run. */
import type { SqlJsStatic } from 'sql.js';
import {
  generateHiddenTasks,
  generateTasks,
  SPLIT_SIZES,
  type NurserySplit,
  type OnProgress,
} from '../data/nursery/index.ts';
import { splitByDatabase } from '../data/split.ts';
import type { Database, Dataset, Task } from '../data/task.ts';
import { badInput } from '../errors.ts';
import { canonicalJson, sha256Hex } from '../recipe/canonical.ts';
import type { Recipe } from '../recipe/schema.ts';
import type { RunData } from './context.ts';

export interface LoadedData {
  data: RunData;
  /** Content hash of the training tasks: what `data.sha256` pins. */
  sha256: string;
}

/** Share of the databases kept from training where a dataset has no split to evaluate on. */
const VALIDATION_SHARE = 0.1;

function merge(datasets: readonly [string, Dataset][]): RunData {
  const splits = new Map<string, Task[]>();
  const databases = new Map<string, Database>();
  for (const [split, dataset] of datasets) {
    splits.set(split, dataset.tasks);
    for (const [id, database] of dataset.databases) databases.set(id, database);
  }
  return { splits, databases };
}

/** Content hash of tasks: ids, questions and gold. */
export const tasksHash = (tasks: readonly Task[]): string =>
  sha256Hex(
    canonicalJson(tasks.map(({ id, db_id, question, gold }) => ({ id, db_id, question, gold }))),
  );

function pinned(recipe: Recipe, sha256: string): void {
  const wanted = recipe.data.sha256;
  if (wanted !== null && wanted !== sha256) {
    throw badInput('data.sha256', sha256, `the data this recipe was made with (${wanted})`);
  }
}

/** Generates the Nursery splits asked for; `train` is always among them. Progress is of all of them. */
export function nurseryData(
  recipe: Recipe,
  splits: readonly NurserySplit[],
  sql: SqlJsStatic,
  onProgress?: OnProgress,
): LoadedData {
  const wanted = [...new Set<NurserySplit>(['train', ...splits])];
  const total = wanted.reduce((sum, split) => sum + nurseryOptions(recipe, split).count, 0);
  let before = 0;
  const data = merge(
    wanted.map((split) => {
      const dataset = nurserySplit(recipe, split, sql, (done) =>
        onProgress?.(before + done, total),
      );
      before += dataset.tasks.length;
      return [split, dataset];
    }),
  );
  const sha256 = tasksHash(data.splits.get('train')!);
  pinned(recipe, sha256);
  return { data, sha256 };
}

const tasksOf = (dataset: Dataset, split: string): Dataset => ({
  ...dataset,
  tasks: dataset.tasks.filter((task) => task.split === split),
});

function splitOf(dataset: Dataset, split: string, field: string): Dataset {
  const found = tasksOf(dataset, split);
  if (found.tasks.length > 0) return found;
  const there = [...new Set(dataset.tasks.map((task) => task.split))].join(', ');
  throw badInput(field, split, `one of the splits there are: ${there}`);
}

/**
 * The tasks of imported files. The split to train on becomes `train`; where the split to evaluate on
 * is missing, a tenth of the databases is kept from training for it.
 */
export function filesData(recipe: Recipe, dataset: Dataset): LoadedData {
  const options = recipe.data;
  if (options.kind !== 'files') throw badInput('data.kind', options.kind, 'files');
  const sha256 = tasksHash(dataset.tasks);
  pinned(recipe, sha256);
  const train = splitOf(dataset, options.split, 'data.split');
  const validation = tasksOf(dataset, recipe.eval.split);
  if (validation.tasks.length > 0) {
    return {
      data: merge([
        ['train', train],
        [recipe.eval.split, validation],
      ]),
      sha256,
    };
  }
  const parts = splitByDatabase(train, VALIDATION_SHARE, recipe.seed);
  const kept: [string, Dataset][] = [
    ['train', parts.train],
    [recipe.eval.split, parts.validation],
  ];
  return { data: merge(kept), sha256 };
}

function nurseryOptions(recipe: Recipe, split: NurserySplit) {
  const options = recipe.data;
  if (options.kind !== 'nursery') throw badInput('data.kind', options.kind, 'nursery');
  const { seed, world, levels, train_tasks, train_schemas } = options;
  return {
    world,
    ...{ seed, split, count: split === 'train' ? train_tasks : SPLIT_SIZES[split] },
    ...(split === 'train' && { levels }),
    ...(!split.startsWith('heldout') && { schemaCount: train_schemas }),
  };
}

/** A split to measure on, and nothing else: training tasks are neither made nor checked against a hash. */
export function nurserySplit(
  recipe: Recipe,
  split: NurserySplit,
  sql: SqlJsStatic,
  onProgress?: OnProgress,
): Dataset {
  const { world, ...options } = nurseryOptions(recipe, split);
  const how = { ...options, sql, ...(onProgress && { onProgress }) };
  return world === 'hidden' ? generateHiddenTasks(how) : generateTasks({ ...how, world });
}

/**
 * Questions of imported files to measure on: the split asked for. Without one, what a run on these very
 * files kept from training, and for any other policy all of them.
 */
export function filesSplit(recipe: Recipe, split: string | undefined, dataset: Dataset): Dataset {
  const { data } = recipe;
  const trainedOn = data.kind === 'files' && data.sha256 === tasksHash(dataset.tasks);
  const wanted = split ?? (trainedOn ? recipe.eval.split : undefined);
  if (wanted === undefined) return dataset;
  if (!trainedOn || wanted !== recipe.eval.split || tasksOf(dataset, wanted).tasks.length > 0) {
    return splitOf(dataset, wanted, 'split');
  }
  return splitByDatabase(tasksOf(dataset, data.split), VALIDATION_SHARE, recipe.seed).validation;
}
