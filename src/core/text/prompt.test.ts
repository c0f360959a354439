import initSqlJs from 'sql.js';
import { describe, expect, it } from 'vitest';
import { schemaFromSqlite } from '../data/schema.ts';
import type { Cell, Schema } from '../data/task.ts';
import { directPrompt, extractSql, renderSchema } from './prompt.ts';

const column = (name: string, type = 'TEXT', primaryKey = false) => ({ name, type, primaryKey });
const schema: Schema = {
  tables: [
    {
      name: 'singer',
      columns: [column('id', 'INTEGER', true), column('Home Town'), column('code', 'VARCHAR(8)')],
      foreignKeys: [],
    },
    {
      name: 'order',
      columns: [column('no', 'INTEGER', true), column('singer_id', 'INTEGER'), column('code', '')],
      foreignKeys: [
        { column: 'singer_id', refTable: 'singer', refColumn: 'id' },
        { column: 'code', refTable: 'singer', refColumn: 'code' },
      ],
    },
  ],
};
const samples = new Map<string, Cell[][]>([
  ['singer', [[1, "Land's End", null], [2, 'x'.repeat(50), 'b']]], // prettier-ignore
]);

describe('renderSchema', () => {
  it('writes the compact form', () => {
    expect(renderSchema(schema, { style: 'compact' })).toBe(
      ' singer( id "Home Town" code)\n "order"( no singer_id> singer code> singer.code)',
    );
  });

  it('adds types and rows when asked', () => {
    const text = renderSchema(schema, { style: 'compact', types: true, rows: 2 }, samples);
    expect(text.split('\n')).toEqual([
      ' singer( id:integer "Home Town":text code:varchar)',
      "(1, 'Land''s End', NULL)",
      `(2, '${'x'.repeat(40)}…', 'b')`,
      ' "order"( no:integer singer_id:integer> singer code> singer.code)',
    ]);
  });

  it('writes CREATE TABLE statements that SQLite reads as the same schema', async () => {
    const db = new (await initSqlJs()).Database();
    db.run(renderSchema(schema, { style: 'create_table', rows: 5 }, samples));
    const query = (sql: string): Cell[][] => db.exec(sql)[0]?.values ?? [];
    expect(await schemaFromSqlite(query)).toEqual(schema);
    expect(query('SELECT * FROM singer')[0]).toEqual([1, "Land's End", null]);
  });

  it('refuses a number of rows that is none', () => {
    expect(() => renderSchema(schema, { style: 'compact', rows: -1 })).toThrow(/rows: got -1/);
  });
});

describe('directPrompt', () => {
  it('ends so that the completion is the SQL alone', () => {
    const task = { question: 'How many\nSQL: singers? ', evidence: 'a singer  sings' };
    const lines = directPrompt(schema, task, { style: 'compact' }).split('\n');
    expect(lines.slice(2)).toEqual([
      'Evidence: a singer sings',
      'Question: How many SQL: singers?',
      'SQL:',
      '',
    ]);
  });

  it('has no evidence line without evidence', () => {
    const prompt = directPrompt(schema, { question: 'Q?', evidence: ' ' }, { style: 'compact' });
    expect(prompt).not.toContain('Evidence');
  });
});

describe('extractSql', () => {
  it.each([
    ['SELECT 1', 'SELECT 1'],
    ['  SELECT 1 ; \n;', 'SELECT 1'],
    ["SELECT ';'", "SELECT ';'"],
    ['```sql\nSELECT 1;\n```', 'SELECT 1'],
    ['```SQLite\nSELECT 1\n```\nThis counts.', 'SELECT 1'],
    ['```\nSELECT 1\n```', 'SELECT 1'],
    ['```SELECT 1```', 'SELECT 1'],
    ['Thus:\n```sql\nSELECT 1\n```\nor\n```sql\nSELECT 2\n```', 'SELECT 2'],
    ['```sql\nSELECT 1', 'SELECT 1'],
    ['``````', '``````'],
    ['', ''],
    [' ; ', ''],
  ])('%j gives %j', (completion, sql) => {
    expect(extractSql(completion)).toBe(sql);
  });
});
