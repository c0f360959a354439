/** Everything `train` needs of a recipe, read or made on this machine. */
import { importDataset } from '../core/data/import.ts';
import type { NurserySplit } from '../core/data/nursery/index.ts';
import type { Dataset } from '../core/data/task.ts';
import { badInput } from '../core/errors.ts';
import type { Recipe } from '../core/recipe/schema.ts';
import { readSchema } from '../core/sql/inspect.ts';
import { loadSql } from '../core/sql/load.ts';
import {
  filesData,
  filesSplit,
  nurseryData,
  nurserySplit,
  type LoadedData,
} from '../core/train/data.ts';
import { openFiles } from './files.ts';

export const NURSERY_SPLITS = [
  'train',
  'tuning',
  'dev',
  'heldout_schemas',
  'heldout_names',
] as const;

/** Throws `bad_input` listing the splits there are. */
export function checkNurserySplit(split: string): NurserySplit {
  const known = NURSERY_SPLITS.find((name) => name === split);
  if (known === undefined) throw badInput('split', split, `one of ${NURSERY_SPLITS.join(', ')}`);
  return known;
}

/** @param path folder or zip of the data, for recipes on files */
export async function loadData(
  recipe: Recipe,
  splits: readonly string[],
  path?: string,
): Promise<LoadedData> {
  if (recipe.data.kind === 'nursery') {
    return nurseryData(recipe, splits.map(checkNurserySplit), await loadSql());
  }
  if (path === undefined) throw badInput('--data', path, 'the folder or zip with the data');
  return filesData(recipe, await importFiles(path));
}

async function importFiles(path: string): Promise<Dataset> {
  const sql = await loadSql();
  return importDataset(await openFiles(path), { inspect: (bytes) => readSchema(sql, bytes) });
}

/**
 * The questions to measure a policy on, without the training data.
 *
 * @param recipe of the policy's run: says what was trained on
 * @param split of the Nursery by default dev; of files see `filesSplit`
 * @param path folder or zip of other data than the Nursery
 */
export async function loadEvaluation(
  recipe: Recipe,
  split?: string,
  path?: string,
): Promise<Dataset> {
  if (path !== undefined) return filesSplit(recipe, split, await importFiles(path));
  if (recipe.data.kind === 'files') {
    throw badInput('--data', path, 'the folder or zip this run was trained on, or another');
  }
  return nurserySplit(recipe, checkNurserySplit(split ?? 'dev'), await loadSql());
}
