/** Any supported dataset from any source: looks what it is, then imports it. */
import { badInput } from '../errors.ts';
import { BIRD_FILES, importBird } from './bird.ts';
import type { ImportOptions } from './database.ts';
import { field } from './fields.ts';
import type { Fields } from './fields.ts';
import { QA_FILES, importQa } from './qa.ts';
import { baseName, readRecords } from './source.ts';
import type { FileSource } from './source.ts';
import { SPIDER_FILES, importSpider } from './spider.ts';
import type { Dataset } from './task.ts';

export type Format = 'spider' | 'bird' | 'qa';

const IMPORTERS = { spider: importSpider, bird: importBird, qa: importQa };
const PUBLISHED = new Set([...SPIDER_FILES, ...BIRD_FILES, ...QA_FILES]);

/** What the first record of a file is: a question of some format, or none. */
function formatOf(first: unknown): Format | undefined {
  if (typeof first !== 'object' || first === null) return undefined;
  const has = (name: string): boolean => field(first as Fields, name) !== undefined;
  if (!has('question')) return undefined;
  if (has('SQL')) return 'bird';
  if (has('query')) return 'spider';
  return has('answer') || has('gold') ? 'qa' : undefined;
}

/**
 * Imports a folder or archive of Spider, BIRD or question–answer files. The format is that of the
 * first record in the question files: `SQL` is BIRD, `query` Spider, `answer` or `gold` our own.
 * Question files are those in `options.files`, else those with a published name (`dev.json`, …), else
 * every JSON file that starts with a question.
 * @throws StepSqlError when there is no question file, formats are mixed, or a field is malformed
 */
export async function importDataset(
  source: FileSource,
  options: ImportOptions = {},
): Promise<Dataset> {
  const paths = await source.list();
  const json = paths.filter((path) => /\.jsonl?$/.test(path) && !path.endsWith('tables.json'));
  const published = json.filter((path) => PUBLISHED.has(baseName(path)));
  const named = options.files ?? published;
  const found = new Map<Format, string[]>();
  for (const path of named.length > 0 ? named : json) {
    if (!paths.includes(path)) throw badInput('files', path, `a file of ${source.name}`);
    const [first] = await readRecords(source, path);
    const format = formatOf(first?.value);
    if (format !== undefined) found.set(format, [...(found.get(format) ?? []), path]);
    else if (named.length > 0) {
      const expected = 'question with SQL (BIRD), query (Spider), or answer or gold';
      throw badInput(first?.at ?? path, first?.value ?? [], `a record with ${expected}`);
    }
  }
  const [only, second] = [...found];
  if (only === undefined) {
    throw badInput(
      source.name,
      paths.slice(0, 5),
      'Spider (train_spider.json, dev.json), BIRD (dev.json with SQL) or question–answer files',
    );
  }
  if (second !== undefined) {
    const files = [only[1][0], second[1][0]];
    throw badInput(source.name, files, `one format, not ${only[0]} and ${second[0]}`);
  }
  const [format, files] = only;
  return IMPORTERS[format](source, { ...options, files });
}
