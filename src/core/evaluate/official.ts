/**
 * Files of the official Spider and BIRD evaluations, and what they score.
 *
 * | | gold | predictions |
 * |---|---|---|
 * | Spider (taoyds/test-suite-sql-eval) | `SQL⇥db_id` a line | one SQL a line |
 * | BIRD (bird-bench/mini_dev) | `SQL⇥db_id` a line, or `dev.json` | JSON `{"0": "SQL⇥----- bird -----⇥db_id", …}` |
 *
 * Either gold goes with either kind of predictions; `dev.json` also brings difficulties.
 */
import { badInput } from '../errors.ts';

export interface GoldItem {
  sql: string;
  db_id: string;
  difficulty?: string;
  /** Place in the file, for messages: `gold.txt:3`, `dev.json[3]`. */
  at: string;
}

const BIRD_SEPARATOR = '\t----- bird -----\t';

function lines(text: string): string[] {
  const all = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  if (all.at(-1) === '') all.pop(); // what follows the last line break
  return all;
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw badInput(file, text.trim().slice(0, 40), `valid JSON (${(error as Error).message})`);
  }
}

const isJson = (text: string): boolean => /^\uFEFF?\s*[[{]/.test(text);

function goldRecord(value: unknown, at: string): GoldItem {
  const record = (typeof value === 'object' && value !== null ? value : {}) as Record<
    string,
    unknown
  >;
  const { SQL, query, db_id, difficulty } = record;
  const sql = SQL ?? query;
  if (typeof sql !== 'string' || sql.trim() === '') {
    throw badInput(`${at}.SQL`, sql ?? null, 'gold SQL (BIRD: SQL, Spider: query)');
  }
  if (typeof db_id !== 'string') throw badInput(`${at}.db_id`, db_id ?? null, 'a database name');
  return { sql, db_id, at, ...(typeof difficulty === 'string' && { difficulty }) };
}

/** Gold questions in order. Throws `bad_input` naming line or record. */
export function parseGold(text: string, file: string): GoldItem[] {
  if (isJson(text)) {
    const list = parseJson(text, file);
    if (!Array.isArray(list)) throw badInput(file, list, 'a list of questions');
    return list.map((value: unknown, i) => goldRecord(value, `${file}[${i}]`));
  }
  return lines(text).flatMap((line, i) => {
    if (line.trim() === '') return [];
    const at = `${file}:${i + 1}`;
    const [sql = '', db_id = '', ...rest] = line.trim().split('\t');
    if (sql.trim() === '' || db_id.trim() === '' || rest.length > 0) {
      throw badInput(at, line, 'SQL, a tab and the db_id');
    }
    return [{ sql, db_id: db_id.trim(), at }];
  });
}

export type OfficialFormat = 'spider' | 'bird';

export interface Predictions {
  /** Of the predictions' file: JSON is BIRD's, lines are Spider's. */
  format: OfficialFormat;
  /** '' where nothing was predicted. */
  sql: string[];
}

/**
 * Predictions in order, as many as there is gold: an empty line is an empty prediction.
 *
 * @throws StepSqlError when their number differs, or a BIRD prediction names another database
 */
export function parsePredictions(
  text: string,
  file: string,
  gold: readonly GoldItem[],
): Predictions {
  const json = isJson(text);
  const sql = json ? birdPredictions(text, file, gold) : spiderPredictions(text, gold.length);
  if (sql.length !== gold.length) {
    throw badInput(file, `${sql.length} predictions`, `${gold.length}, one for each gold query`);
  }
  return { format: json ? 'bird' : 'spider', sql };
}

function spiderPredictions(text: string, count: number): string[] {
  const all = lines(text).map((line) => line.split('\t')[0]!.trim());
  while (all.length > count && all.at(-1) === '') all.pop();
  // More blank lines than that separate the dialogues of SParC and CoSQL.
  return all.length > count ? all.filter((line) => line !== '') : all;
}

function birdPredictions(text: string, file: string, gold: readonly GoldItem[]): string[] {
  const json = parseJson(text, file) as Record<string, unknown>;
  return Object.entries(json).map(([key, value], i) => {
    if (typeof value !== 'string') return ''; // the official script's reading
    const [sql = '', db_id] = value.split(BIRD_SEPARATOR);
    const expected = gold[i]?.db_id;
    if (db_id !== undefined && expected !== undefined && db_id.trim() !== expected) {
      throw badInput(`${file}[${key}]`, db_id, `the gold's database ${expected} (${gold[i]!.at})`);
    }
    return sql.trim();
  });
}
