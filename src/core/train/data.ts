/** From what a recipe names as data to the tasks and databases of a run. */
import type { SqlJsStatic } from 'sql.js';
import { generateTasks, type NurserySplit } from '../data/nursery/index.ts';
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

const hashOf = (tasks: readonly Task[]): string =>
  sha256Hex(
    canonicalJson(tasks.map(({ id, db_id, question, gold }) => ({ id, db_id, question, gold }))),
  );

function pinned(recipe: Recipe, sha256: string): void {
  const wanted = recipe.data.sha256;
  if (wanted !== null && wanted !== sha256) {
    throw badInput('data.sha256', sha256, `the data this recipe was made with (${wanted})`);
  }
}

/** Generates the Nursery splits asked for; `train` is always among them. */
export function nurseryData(
  recipe: Recipe,
  splits: readonly NurserySplit[],
  sql: SqlJsStatic,
): LoadedData {
  const options = recipe.data;
  if (options.kind !== 'nursery') throw badInput('data.kind', options.kind, 'nursery');
  const { seed, levels, train_tasks, train_schemas } = options;
  const wanted = new Set<NurserySplit>(['train', ...splits]);
  const data = merge(
    [...wanted].map((split) => [
      split,
      generateTasks({
        ...{ seed, split, sql },
        ...(split === 'train' && { count: train_tasks, levels }),
        ...(!split.startsWith('heldout') && { schemaCount: train_schemas }),
      }),
    ]),
  );
  const sha256 = hashOf(data.splits.get('train')!);
  pinned(recipe, sha256);
  return { data, sha256 };
}

/**
 * The tasks of imported files. The split to train on becomes `train`; where the split to evaluate on
 * is missing, a tenth of the databases is kept from training for it.
 */
export function filesData(recipe: Recipe, dataset: Dataset): LoadedData {
  const options = recipe.data;
  if (options.kind !== 'files') throw badInput('data.kind', options.kind, 'files');
  const sha256 = hashOf(dataset.tasks);
  pinned(recipe, sha256);
  const of = (split: string): Dataset => ({
    ...dataset,
    tasks: dataset.tasks.filter((task) => task.split === split),
  });
  const train = of(options.split);
  if (train.tasks.length === 0) {
    const there = [...new Set(dataset.tasks.map(({ split }) => split))].join(', ');
    throw badInput('data.split', options.split, `one of the splits there are: ${there}`);
  }
  const validation = of(recipe.eval.split);
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
