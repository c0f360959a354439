import { expect, it } from 'vitest';
import { createDatabase } from './create.ts';
import { readSchema } from './inspect.ts';
import { loadSql } from './load.ts';

it('reads tables, columns and foreign keys from the file', async () => {
  const SQL = await loadSql();
  const bytes = createDatabase(SQL, [
    'CREATE TABLE owner (id INTEGER PRIMARY KEY, name TEXT)',
    'CREATE TABLE pet (name text, owner_id INTEGER REFERENCES owner)',
    'CREATE VIEW names AS SELECT name FROM pet',
  ]);
  const owner_id = { column: 'owner_id', refTable: 'owner', refColumn: 'id' };
  expect(await readSchema(SQL, bytes)).toEqual({
    tables: [
      {
        name: 'owner',
        columns: [
          { name: 'id', type: 'INTEGER', primaryKey: true },
          { name: 'name', type: 'TEXT', primaryKey: false },
        ],
        foreignKeys: [],
      },
      {
        name: 'pet',
        columns: [
          { name: 'name', type: 'TEXT', primaryKey: false },
          { name: 'owner_id', type: 'INTEGER', primaryKey: false },
        ],
        foreignKeys: [owner_id],
      },
    ],
  });
});

it('refuses other files and damaged ones', async () => {
  const SQL = await loadSql();
  const bytes = createDatabase(SQL, ['CREATE TABLE t (x)']);
  await expect(readSchema(SQL, new TextEncoder().encode('not a database'))).rejects.toThrow(
    'database: got "not a database", expected a SQLite file',
  );
  await expect(readSchema(SQL, bytes.fill(7, 20, 200))).rejects.toMatchObject({
    code: 'bad_input',
    field: 'database',
  });
});
