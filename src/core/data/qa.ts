/**
 * Question–answer files: anyone's own questions, `.json` (a list) or `.jsonl` (one a line).
 *
 * | field | |
 * |---|---|
 * | `question` | text |
 * | `db_id` | a database `…/<db_id>/<db_id>.sqlite` or `…/<db_id>.sqlite` beside the file; or |
 * | `db` | path of a SQLite file, relative to this file |
 * | `answer` | rows `[[…], …]`; a flat list is one column, a single value one cell |
 * | `gold` | SQL, or a list of SQL of which the first is *the* gold |
 * | `evidence`, `difficulty`, `split`, `id` | optional text |
 *
 * At least one of `answer` and `gold`. Cells are null, text or numbers.
 */
import { badInput } from '../errors.ts';
import { DatabaseFinder, splitOf, taskId } from './database.ts';
import type { ImportOptions } from './database.ts';
import { asList, asOptionalText, asRecord, asText, field } from './fields.ts';
import type { Fields } from './fields.ts';
import { questionFiles, schemasNamed } from './layout.ts';
import { folderOf, readRecords } from './source.ts';
import type { FileSource } from './source.ts';
import type { Cell, Dataset, Task } from './task.ts';

export const QA_FILES = ['questions.jsonl', 'questions.json'];

function asCell(value: unknown, at: string): Cell {
  if (value === null || typeof value === 'string') return value;
  if (typeof value === 'number') {
    if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
      throw badInput(at, value, 'an integer a JSON number holds exactly, |n| < 2^53');
    }
    return value;
  }
  throw badInput(at, value, 'null, text or a number');
}

/** @throws StepSqlError on anything but rows of equal length, a column, or one value */
export function asAnswer(value: unknown, at: string): Cell[][] {
  if (!Array.isArray(value)) return [[asCell(value, at)]];
  if (!value.some(Array.isArray)) {
    return value.map((cell, i) => [asCell(cell, `${at}[${i}]`)]);
  }
  const rows = value.map((row, i) =>
    asList(row, `${at}[${i}]`, 'cells').map((cell, j) => asCell(cell, `${at}[${i}][${j}]`)),
  );
  const width = rows[0]!.length;
  rows.forEach((row, i) => {
    if (row.length !== width) {
      throw badInput(`${at}[${i}].length`, row.length, `${width}, as in the first row`);
    }
  });
  return rows;
}

export function asGold(value: unknown, at: string): string[] {
  if (!Array.isArray(value)) return [asText(value, at)];
  if (value.length === 0) throw badInput(at, value, 'SQL or a non-empty list of SQL');
  return value.map((sql, i) => asText(sql, `${at}[${i}]`));
}

/** `db` against the folder of the file that says it; '..' may climb to the source's top, not above. */
function resolvePath(folder: string, path: string, at: string): string {
  const parts: string[] = folder.split('/').filter((part) => part !== '');
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) throw badInput(at, path, 'a path inside the dataset');
  }
  return parts.join('/');
}

async function findDatabase(
  record: Fields,
  file: string,
  at: string,
  finder: DatabaseFinder,
): Promise<string> {
  const path = field(record, 'db');
  if (path === undefined) {
    const db_id = asText(field(record, 'db_id'), `${at}.db_id`);
    await finder.add(db_id, `${at}.db_id`);
    return db_id;
  }
  const resolved = resolvePath(folderOf(file), asText(path, `${at}.db`), `${at}.db`);
  await finder.addFile(resolved, `${at}.db`);
  return resolved;
}

/** Imports every question of every question file. @throws StepSqlError on the first malformed field */
export async function importQa(source: FileSource, options: ImportOptions = {}): Promise<Dataset> {
  const paths = await source.list();
  const schemas = await schemasNamed(source, paths, ['tables.json']);
  const finder = new DatabaseFinder(source, paths, schemas, options.inspect);
  const tasks: Task[] = [];
  const ids = new Set<string>();
  for (const file of questionFiles(source, paths, QA_FILES, options.files)) {
    for (const [i, located] of (await readRecords(source, file)).entries()) {
      const { at } = located;
      const record = asRecord(located);
      const answer = field(record, 'answer');
      const gold = field(record, 'gold') ?? undefined;
      if (answer === undefined && gold === undefined) {
        throw badInput(at, record, 'an object with answer or gold');
      }
      const optional = (name: string): string | undefined =>
        asOptionalText(field(record, name), `${at}.${name}`);
      const id = optional('id') ?? taskId(file, i);
      if (ids.has(id)) throw badInput(`${at}.id`, id, 'an id used once');
      ids.add(id);
      const evidence = optional('evidence');
      const difficulty = optional('difficulty');
      const question = asText(field(record, 'question'), `${at}.question`);
      tasks.push({
        id,
        db_id: await findDatabase(record, file, at, finder),
        question,
        ...(evidence === undefined ? {} : { evidence }),
        ...(gold === undefined ? {} : { gold: asGold(gold, `${at}.gold`) }),
        ...(answer === undefined ? {} : { answer: asAnswer(answer, `${at}.answer`) }),
        ...(difficulty === undefined ? {} : { difficulty }),
        split: optional('split') ?? splitOf(file),
      });
    }
  }
  return { name: source.name, tasks, databases: finder.databases };
}
