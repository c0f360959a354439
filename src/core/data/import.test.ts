import fc from 'fast-check';
import { zipSync } from 'fflate';
import initSqlJs from 'sql.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { importBird } from './bird.ts';
import type { ImportOptions } from './database.ts';
import { importDataset } from './import.ts';
import { importQa } from './qa.ts';
import { schemaFromSqlite } from './schema.ts';
import type { FileSource } from './source.ts';
import { importSpider } from './spider.ts';
import { splitByDatabase } from './split.ts';
import type { Cell, Dataset, Schema } from './task.ts';
import { zipSource } from './zip.ts';

let SQL: initSqlJs.SqlJsStatic;
let sqlite: Uint8Array;
beforeAll(async () => {
  SQL = await initSqlJs();
  const db = new SQL.Database();
  db.run('CREATE TABLE singer (id INTEGER PRIMARY KEY, name TEXT)');
  sqlite = db.export();
});

const inspect = (bytes: Uint8Array): Promise<Schema> => {
  const db = new SQL.Database(bytes);
  return schemaFromSqlite((sql) => (db.exec(sql)[0]?.values ?? []) as Cell[][]);
};

/** A source in memory: strings are text, other values become JSON. */
function memory(files: Record<string, unknown>): FileSource {
  const paths = Object.keys(files).sort();
  return {
    name: 'memory',
    list: async () => paths,
    read: async (path) => {
      const value = files[path];
      if (value instanceof Uint8Array) return value;
      return new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
    },
  };
}

const singers = {
  db_id: 'singers',
  table_names_original: ['singer', 'song'],
  column_names_original: [[-1, '*'], [0, 'id'], [0, 'name'], [1, 'no'], [1, 'singer_id']], // prettier-ignore
  column_types: ['text', 'number', 'text', 'number', 'others'],
  primary_keys: [1, 3],
  foreign_keys: [[4, 1]],
};
const question = { db_id: 'singers', question: 'How many?', query: 'SELECT count(*) FROM singer' };
const spider = (changes: Record<string, unknown> = {}): FileSource =>
  memory({
    'spider/tables.json': [singers],
    'spider/train_spider.json': [question],
    'spider/database/singers/singers.sqlite': sqlite,
    'spider/database/singers/singers_v2.sqlite': sqlite,
    ...changes,
  });

describe('importSpider', () => {
  it('reads questions, schema, database and test-suite variants', async () => {
    const dataset = await importDataset(spider());
    expect(dataset.tasks).toEqual([
      {
        id: 'train_spider-0',
        db_id: 'singers',
        question: 'How many?',
        gold: ['SELECT count(*) FROM singer'],
        split: 'train',
      },
    ]);
    const database = dataset.databases.get('singers')!;
    expect(database.schema.tables[1]).toEqual({
      name: 'song',
      columns: [
        { name: 'no', type: 'NUMBER', primaryKey: true },
        { name: 'singer_id', type: '', primaryKey: false },
      ],
      foreignKeys: [{ column: 'singer_id', refTable: 'singer', refColumn: 'id' }],
    });
    expect(await database.bytes()).toEqual(sqlite);
    expect(database.variants).toHaveLength(1);
  });

  it.each([
    [{ question: '' }, /train_spider\.json\[1\]\.question: got "", expected a non-empty string/],
    [{ query: 5 }, /train_spider\.json\[1\]\.query: got 5/],
    [{ db_id: 'x' }, /train_spider\.json\[1\]\.db_id: got "x", expected a database of memory/],
  ])('names a malformed field of a question: %j', async (change, message) => {
    const records = [question, { ...question, ...change }];
    await expect(importSpider(spider({ 'spider/train_spider.json': records }))).rejects.toThrow(
      message,
    );
  });

  it.each([
    [{ foreign_keys: [[4, 9]] }, /tables\.json\[0\]\.foreign_keys\[0\]\[1\]: got 9, .* 0 to 4/],
    [{ foreign_keys: [[4]] }, /foreign_keys\[0\]: got \[4\], expected a list of 2/],
    [{ foreign_keys: [[4, 0]] }, /foreign_keys\[0\]\[1\]: got 0, .* other than \*/],
    [{ primary_keys: [[1, 7]] }, /primary_keys\[0\]\[1\]: got 7/],
    [{ column_types: ['text'] }, /column_types\.length: got 1, expected 5/],
    [{ column_names_original: [[2, 'a']] }, /column_names_original\[0\]\[0\]: got 2/],
    [{ table_names_original: [''] }, /table_names_original\[0\]: got ""/],
    [{ db_id: null }, /tables\.json\[0\]\.db_id: got null/],
  ])('names a malformed field of tables.json: %j', async (change, message) => {
    const tables = [{ ...singers, ...change }];
    await expect(importSpider(spider({ 'spider/tables.json': tables }))).rejects.toThrow(message);
  });

  it('names files that are not what they should be', async () => {
    const broken = (changes: Record<string, unknown>) =>
      expect(importSpider(spider(changes))).rejects;
    await broken({ 'spider/tables.json': '[{' }).toThrow(/tables\.json: got "\[\{", .* valid JSON/);
    await broken({ 'spider/tables.json': {} }).toThrow(/tables\.json: got \{\}, expected a list/);
    await broken({ 'spider/tables.json': [singers, singers] }).toThrow(/\[1\]\.db_id: .* once/);
    await broken({ 'spider/tables.json': [] }).toThrow(/db_id: .* listed in tables\.json/);
    await broken({ 'spider/tables.json': new Uint8Array([0xff]) }).toThrow(/text in UTF-8/);
    const text = spider({ 'spider/database/singers/singers.sqlite': 'version https://git-lfs' });
    const { databases } = await importSpider(text);
    await expect(databases.get('singers')!.bytes()).rejects.toThrow(/singers\.sqlite: .* SQLite 3/);
  });
});

describe('importBird', () => {
  const record = {
    question_id: 7,
    db_id: 'singers',
    question: 'How many?',
    evidence: 'all of them',
    SQL: 'SELECT count(*) FROM singer',
    difficulty: 'moderate',
  };
  const bird = (records: unknown, tables: unknown = [singers]): FileSource =>
    memory({
      'dev_20240627/dev.json': records,
      'dev_20240627/dev_tied_append.json': records,
      'dev_20240627/dev_tables.json': tables,
      'dev_20240627/dev_databases/singers/singers.sqlite': sqlite,
      'dev_20240627/dev_databases/singers/database_description/singer.csv': 'a,b',
    });

  it('reads evidence, difficulty and composite keys', async () => {
    const composite = { ...singers, primary_keys: [1, [3, 4]] };
    const dataset = await importDataset(bird([record, { ...record, question_id: 8, evidence: '' }], [composite])); // prettier-ignore
    expect(dataset.tasks).toHaveLength(2);
    expect(dataset.tasks[0]).toEqual({
      id: 'dev-7',
      db_id: 'singers',
      question: 'How many?',
      evidence: 'all of them',
      gold: ['SELECT count(*) FROM singer'],
      difficulty: 'moderate',
      split: 'dev',
    });
    expect(dataset.tasks[1]).not.toHaveProperty('evidence');
    const song = dataset.databases.get('singers')!.schema.tables[1]!;
    expect(song.columns.map((column) => column.primaryKey)).toEqual([true, true]);
  });

  it.each([
    [{ difficulty: 'easy' }, /dev\.json\[0\]\.difficulty: got "easy", expected one of simple/],
    [{ evidence: 3 }, /dev\.json\[0\]\.evidence: got 3/],
    [{ SQL: null }, /dev\.json\[0\]\.SQL: got null/],
    [{ question_id: 'a' }, /dev\.json\[0\]\.question_id: got "a"/],
  ])('names a malformed field: %j', async (change, message) => {
    await expect(importBird(bird([{ ...record, ...change }]))).rejects.toThrow(message);
  });

  it('refuses a question_id used twice', async () => {
    await expect(importBird(bird([record, record]))).rejects.toThrow(/\[1\]\.question_id: got 7/);
  });
});

describe('importQa', () => {
  const own = (lines: unknown[], more: Record<string, unknown> = {}): FileSource =>
    memory({
      'own/mine.jsonl': lines.map((line) => JSON.stringify(line)).join('\n\n'),
      'own/data/shop.db': sqlite,
      ...more,
    });

  it('reads answers in their three forms, gold lists, and the schema from the database', async () => {
    const base = { question: 'How many?', db_id: 'shop' };
    const dataset = await importDataset(
      own([
        { ...base, answer: 3 },
        { ...base, answer: ['a', null] },
        { ...base, answer: [[1, 'a'], [2, 'b']], gold: ['SELECT 1', 'SELECT 2'], id: 'q', split: 'dev' },
        { question: 'How many?', db: 'data/shop.db', gold: 'SELECT 3', evidence: 'e' },
      ]), // prettier-ignore
      { inspect },
    );
    expect(dataset.tasks.map((task) => task.answer)).toEqual([
      [[3]],
      [['a'], [null]],
      [[1, 'a'], [2, 'b']], // prettier-ignore
      undefined,
    ]);
    expect(dataset.tasks[2]).toMatchObject({
      id: 'q',
      split: 'dev',
      gold: ['SELECT 1', 'SELECT 2'],
    });
    expect(dataset.tasks[3]).toMatchObject({
      id: 'mine-3',
      db_id: 'own/data/shop.db',
      split: 'train',
    });
    expect(dataset.databases.get('shop')!.schema.tables[0]!.name).toBe('singer');
    expect(await dataset.databases.get('own/data/shop.db')!.bytes()).toEqual(sqlite);
  });

  it.each([
    [{ answer: undefined }, /mine\.jsonl:1: .* expected an object with answer or gold/],
    [{ answer: [[1], [1, 2]] }, /mine\.jsonl:1\.answer\[1\]\.length: got 2, expected 1/],
    [{ answer: [[1], 2] }, /mine\.jsonl:1\.answer\[1\]: got 2, expected a list of cells/],
    [{ answer: [[{}]] }, /mine\.jsonl:1\.answer\[0\]\[0\]: got \{\}/],
    [{ answer: 2 ** 53 }, /mine\.jsonl:1\.answer: got 9007199254740992/],
    [{ gold: [] }, /mine\.jsonl:1\.gold: got \[\]/],
    [{ db: '../../etc.db' }, /mine\.jsonl:1\.db: .* inside the dataset/],
    [{ db: 'nowhere.db' }, /mine\.jsonl:1\.db: got "own\/nowhere\.db"/],
  ])('names a malformed field: %j', async (change, message) => {
    const record = { question: 'How many?', db_id: 'shop', answer: 1, ...change };
    await expect(importQa(own([record]), { inspect, files: ['own/mine.jsonl'] })).rejects.toThrow(
      message,
    );
  });

  it('names the line that is not JSON', async () => {
    const source = own([], { 'own/mine.jsonl': '{"question":"a"}\n\n{"question":\n' });
    await expect(importDataset(source)).rejects.toThrow(/mine\.jsonl:3: .* valid JSON/);
  });
});

describe('importDataset', () => {
  it('imports a zip like a folder', async () => {
    const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
    const archive = zipSync({
      'spider/tables.json': text([singers]),
      'spider/train_spider.json': text([question]),
      'spider/database/singers/singers.sqlite': sqlite,
    });
    const source = zipSource(archive, 'spider.zip');
    const dataset = await importDataset(source);
    expect(dataset.name).toBe('spider.zip');
    expect(await dataset.databases.get('singers')!.bytes()).toEqual(sqlite);
  });

  it('says what it looks for when there is nothing', async () => {
    await expect(importDataset(memory({ 'a.txt': 'x' }))).rejects.toThrow(
      /memory: got \["a\.txt"\], expected Spider/,
    );
    await expect(importDataset(memory({ 'dev.json': [{ question: 'a' }] }))).rejects.toThrow(
      /dev\.json\[0\]: .* a record with question with SQL/,
    );
    await expect(importDataset(spider(), { files: ['x.json'] })).rejects.toThrow(/files: got "x/);
  });

  it('refuses a mixture', async () => {
    const source = spider({ 'bird/dev.json': [{ question: 'a', SQL: 'SELECT 1' }] });
    await expect(importDataset(source)).rejects.toThrow(/one format, not bird and spider/);
  });

  it('throws nothing but its own errors, whatever the JSON', async () => {
    const jsonOr = (value: unknown) => fc.oneof(fc.constant(value), fc.jsonValue());
    /** A record of the right shape with any of its fields replaced. */
    const spoilt = (record: Record<string, unknown>) =>
      fc.record(Object.fromEntries(Object.entries(record).map(([k, v]) => [k, jsonOr(v)])), {
        requiredKeys: [],
      });
    const tables = fc.oneof(fc.array(spoilt(singers), { maxLength: 2 }), fc.jsonValue());
    const own = { ...question, SQL: 'SELECT 1', answer: [[1]], gold: 'SELECT 1', evidence: '' };
    const records = fc.oneof(fc.array(spoilt(own), { maxLength: 3 }), fc.jsonValue());
    const importers: ((s: FileSource, o: ImportOptions) => Promise<Dataset>)[] = [
      importSpider,
      importBird,
      importQa,
      importDataset,
    ];
    await fc.assert(
      fc.asyncProperty(tables, records, async (schemas, questions) => {
        const source = spider({ 'spider/tables.json': schemas, 'spider/dev.json': questions });
        for (const importer of importers) {
          try {
            const { tasks, databases } = await importer(source, { files: ['spider/dev.json'] });
            for (const task of tasks) expect(databases.has(task.db_id)).toBe(true);
          } catch (error) {
            expect(error).toHaveProperty('code', 'bad_input');
          }
        }
      }),
      { numRuns: 300 },
    );
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    await expect(importSpider(spider({ 'spider/tables.json': deep }))).rejects.toHaveProperty(
      'code',
      'bad_input',
    );
  });
});

describe('schemaFromSqlite', () => {
  it('reads tables, keys and references as SQLite reports them', async () => {
    const db = new SQL.Database();
    db.run(`CREATE TABLE "Odd ""Name" (a integer, b varchar(8), c, PRIMARY KEY (b, a));
      CREATE TABLE child (x INT REFERENCES "odd ""name" (C), y TEXT, z INT REFERENCES nowhere,
        twice INT GENERATED ALWAYS AS (x * 2), FOREIGN KEY (y, x) REFERENCES "Odd ""Name");
      CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT);
      CREATE VIEW seen AS SELECT 1;`);
    expect(await inspect(db.export())).toEqual({
      tables: [
        {
          name: 'Odd "Name',
          columns: [
            { name: 'a', type: 'INTEGER', primaryKey: true },
            { name: 'b', type: 'VARCHAR(8)', primaryKey: true },
            { name: 'c', type: '', primaryKey: false },
          ],
          foreignKeys: [],
        },
        {
          name: 'child',
          columns: [
            { name: 'x', type: 'INT', primaryKey: false },
            { name: 'y', type: 'TEXT', primaryKey: false },
            { name: 'z', type: 'INT', primaryKey: false },
            { name: 'twice', type: 'INT', primaryKey: false },
          ],
          foreignKeys: [
            { column: 'x', refTable: 'Odd "Name', refColumn: 'c' },
            { column: 'y', refTable: 'Odd "Name', refColumn: 'b' },
            { column: 'x', refTable: 'Odd "Name', refColumn: 'a' },
          ],
        },
        {
          name: 'counted',
          columns: [{ name: 'id', type: 'INTEGER', primaryKey: true }],
          foreignKeys: [],
        },
      ],
    });
  });
});

describe('splitByDatabase', () => {
  const make = (ids: string[]): Dataset => ({
    name: 'd',
    tasks: ids.map((db_id, i) => ({ id: `${i}`, db_id, question: 'q', gold: ['g'], split: 's' })),
    databases: new Map(
      ids.map((db_id) => [
        db_id,
        { db_id, schema: { tables: [] }, bytes: async () => sqlite, variants: [] },
      ]),
    ),
  });
  const letters = [...'abcdefghij'];

  it('shares no database between the parts, and loses nothing', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 0.99, noNaN: true }), fc.nat(), (share, seed) => {
        const { train, validation } = splitByDatabase(make(letters), share, seed);
        expect([...train.databases.keys(), ...validation.databases.keys()].sort()).toEqual(letters);
        expect(train.tasks.every((t) => train.databases.has(t.db_id) && t.split === 'train')).toBe(
          true,
        );
        expect(validation.tasks.map((t) => t.split)).toEqual(
          validation.tasks.map(() => 'validation'),
        );
        expect(Math.min(train.tasks.length, validation.tasks.length)).toBeGreaterThan(0);
      }),
    );
  });

  it('depends on the seed and not on the order', () => {
    const chosen = (ids: string[], seed: number) =>
      [...splitByDatabase(make(ids), 0.3, seed).validation.databases.keys()].sort();
    expect(chosen(letters, 1)).toEqual(chosen([...letters].reverse(), 1));
    expect([2, 3, 4].map((seed) => chosen(letters, seed))).not.toEqual(
      [1, 1, 1].map((seed) => chosen(letters, seed)),
    );
  });

  it('refuses a share that leaves a side empty', () => {
    expect(() => splitByDatabase(make(letters), 1, 0)).toThrow(/share: got 1/);
    expect(() => splitByDatabase(make(['a']), 0.5, 0)).toThrow(/databases: got 1/);
  });
});
