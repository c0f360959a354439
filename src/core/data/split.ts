/** Validation that shares no database with training, as Spider's own splits are made. */
import { badInput } from '../errors.ts';
import { Stream } from '../random/stream.ts';
import type { Dataset } from './task.ts';

function part(dataset: Dataset, ids: ReadonlySet<string>, split: string): Dataset {
  return {
    name: `${dataset.name}/${split}`,
    tasks: dataset.tasks.filter((task) => ids.has(task.db_id)).map((task) => ({ ...task, split })),
    databases: new Map([...dataset.databases].filter(([db_id]) => ids.has(db_id))),
  };
}

/**
 * Divides a dataset by database. Depends on the database names and the seed only, not on the order of
 * anything.
 * @param share of the databases that become validation, in (0, 1); at least one on either side
 */
export function splitByDatabase(
  dataset: Dataset,
  share: number,
  seed: number,
): { train: Dataset; validation: Dataset } {
  if (!(share > 0 && share < 1)) throw badInput('share', share, 'a number between 0 and 1');
  const ids = [...dataset.databases.keys()].sort();
  if (ids.length < 2) throw badInput('databases', ids.length, 'at least 2 to split by database');
  const count = Math.min(ids.length - 1, Math.max(1, Math.round(share * ids.length)));
  const shuffled = new Stream(seed, 'split-by-database').shuffle(ids);
  return {
    train: part(dataset, new Set(shuffled.slice(count)), 'train'),
    validation: part(dataset, new Set(shuffled.slice(0, count)), 'validation'),
  };
}
