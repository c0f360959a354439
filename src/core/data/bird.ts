/**
 * BIRD (Li et al. 2023, 2305.03111) in its official layout: `dev.json`, `train.json` or
 * `mini_dev_sqlite.json` with `db_id`, `question`, `evidence`, `SQL` and, except in train,
 * `question_id` and `difficulty`; `<split>_tables.json`; `<split>_databases/<db_id>/<db_id>.sqlite`.
 */
import { badInput } from '../errors.ts';
import { DatabaseFinder, splitOf, taskId } from './database.ts';
import type { ImportOptions } from './database.ts';
import { asIndex, asOptionalText, asRecord, asText, field } from './fields.ts';
import { questionFiles, schemasNamed } from './layout.ts';
import { readRecords } from './source.ts';
import type { FileSource } from './source.ts';
import type { Dataset, Task } from './task.ts';

export const BIRD_FILES = ['train.json', 'dev.json', 'mini_dev_sqlite.json'];
const TABLE_FILES = ['dev_tables.json', 'train_tables.json', 'tables.json'];
const DIFFICULTIES = ['simple', 'moderate', 'challenging'];

function difficultyOf(value: unknown, at: string): string | undefined {
  const difficulty = asOptionalText(value, at);
  if (difficulty !== undefined && !DIFFICULTIES.includes(difficulty)) {
    throw badInput(at, difficulty, `one of ${DIFFICULTIES.join(', ')}`);
  }
  return difficulty;
}

/** Imports every question of every question file. @throws StepSqlError on the first malformed field */
export async function importBird(
  source: FileSource,
  options: ImportOptions = {},
): Promise<Dataset> {
  const paths = await source.list();
  const schemas = await schemasNamed(source, paths, TABLE_FILES);
  const finder = new DatabaseFinder(source, paths, schemas, options.inspect);
  const tasks: Task[] = [];
  for (const file of questionFiles(source, paths, BIRD_FILES, options.files)) {
    const ids = new Set<number>();
    for (const [i, located] of (await readRecords(source, file)).entries()) {
      const { at } = located;
      const record = asRecord(located);
      const given = field(record, 'question_id');
      const key =
        given === undefined ? i : asIndex(given, `${at}.question_id`, 0, Number.MAX_SAFE_INTEGER);
      if (ids.has(key)) throw badInput(`${at}.question_id`, key, 'a question_id used once');
      ids.add(key);
      const db_id = asText(field(record, 'db_id'), `${at}.db_id`);
      const evidence = asOptionalText(field(record, 'evidence'), `${at}.evidence`);
      const difficulty = difficultyOf(field(record, 'difficulty'), `${at}.difficulty`);
      const task: Task = {
        id: taskId(file, key),
        db_id,
        question: asText(field(record, 'question'), `${at}.question`),
        ...(evidence === undefined ? {} : { evidence }),
        gold: [asText(field(record, 'SQL'), `${at}.SQL`)],
        ...(difficulty === undefined ? {} : { difficulty }),
        split: splitOf(file),
      };
      await finder.add(db_id, `${at}.db_id`);
      tasks.push(task);
    }
  }
  return { name: source.name, tasks, databases: finder.databases };
}
