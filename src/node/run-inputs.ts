/** Everything `train` needs of a recipe, read or made on this machine. */
import { importDataset } from '../core/data/import.ts';
import { schemaFromSqlite } from '../core/data/schema.ts';
import type { NurserySplit } from '../core/data/nursery/index.ts';
import { badInput } from '../core/errors.ts';
import type { Recipe } from '../core/recipe/schema.ts';
import { loadSql } from '../core/sql/load.ts';
import { filesData, nurseryData, type LoadedData } from '../core/train/data.ts';
import { plantedCorpus } from '../core/train/warm-start.ts';
import type { Corpus } from '../core/train/sft.ts';
import { openFiles } from './files.ts';
import { inspectDatabase } from './databases.ts';

const NURSERY_SPLITS = ['train', 'tuning', 'dev', 'heldout_schemas', 'heldout_names'] as const;

export const isNurserySplit = (split: string): split is NurserySplit =>
  (NURSERY_SPLITS as readonly string[]).includes(split);

/** @param path folder or zip of the data, for recipes on files */
export async function loadData(
  recipe: Recipe,
  splits: readonly string[],
  path?: string,
): Promise<LoadedData> {
  if (recipe.data.kind === 'nursery') {
    for (const split of splits) {
      if (!isNurserySplit(split))
        throw badInput('split', split, `one of ${NURSERY_SPLITS.join(', ')}`);
    }
    return nurseryData(recipe, splits as NurserySplit[], await loadSql());
  }
  if (path === undefined) throw badInput('--data', path, 'the folder or zip with the data');
  const sql = await loadSql();
  const dataset = await importDataset(await openFiles(path), {
    inspect: (bytes) => schemaFromSqlite(inspectDatabase(sql, bytes)),
  });
  return filesData(recipe, dataset);
}

/** The corpus SFT imitates, where a recipe names one that is not the tasks' gold. */
export function corpusOf(recipe: Recipe): Corpus | undefined {
  if (recipe.method !== 'sft' || recipe.sft.corpus === 'gold') return undefined;
  const { data } = recipe;
  if (data.kind !== 'nursery') {
    throw badInput('sft.corpus', recipe.sft.corpus, 'gold, for data that is not the Nursery');
  }
  return plantedCorpus(data.seed, data.train_schemas, recipe.seed);
}
