/**
 * Spider 1.0 (Yu et al. 2018, 1809.08887) in its official layout: `train_spider.json`, `dev.json`, …
 * with `db_id`, `question`, `query`; `tables.json`; `database/<db_id>/<db_id>.sqlite`.
 */
import { DatabaseFinder, splitOf, taskId } from './database.ts';
import type { ImportOptions } from './database.ts';
import { asRecord, asText, field } from './fields.ts';
import { questionFiles, schemasNamed } from './layout.ts';
import { readRecords } from './source.ts';
import type { FileSource } from './source.ts';
import type { Dataset, Task } from './task.ts';

export const SPIDER_FILES = ['train_spider.json', 'train_others.json', 'dev.json', 'test.json'];

/** Imports every question of every question file. @throws StepSqlError on the first malformed field */
export async function importSpider(
  source: FileSource,
  options: ImportOptions = {},
): Promise<Dataset> {
  const paths = await source.list();
  const schemas = await schemasNamed(source, paths, ['tables.json', 'test_tables.json']);
  const finder = new DatabaseFinder(source, paths, schemas, options.inspect);
  const tasks: Task[] = [];
  for (const file of questionFiles(source, paths, SPIDER_FILES, options.files)) {
    for (const [i, located] of (await readRecords(source, file)).entries()) {
      const { at } = located;
      const record = asRecord(located);
      const db_id = asText(field(record, 'db_id'), `${at}.db_id`);
      const question = asText(field(record, 'question'), `${at}.question`);
      const query = asText(field(record, 'query'), `${at}.query`);
      await finder.add(db_id, `${at}.db_id`);
      tasks.push({ id: taskId(file, i), db_id, question, gold: [query], split: splitOf(file) });
    }
  }
  return { name: source.name, tasks, databases: finder.databases };
}
