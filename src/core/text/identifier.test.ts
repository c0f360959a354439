import fc from 'fast-check';
import initSqlJs from 'sql.js';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Cell } from '../data/task.ts';
import { quoteName, sqlLiteral } from './identifier.ts';

let db: import('sql.js').Database;
beforeAll(async () => {
  db = new (await initSqlJs()).Database();
});

/** True when a table and column of this name can be used all over a query as written. */
function usable(name: string): boolean {
  const quoted = `"${name.replaceAll('"', '""')}"`;
  const n = quoteName(name);
  db.run(`DROP TABLE IF EXISTS ${quoted}`);
  db.run(`CREATE TABLE ${quoted} (${quoted} INTEGER, "other column" TEXT)`);
  db.run(`INSERT INTO ${quoted} VALUES (7, 'a')`);
  try {
    return [
      `SELECT ${n} FROM ${n} WHERE ${n} = 7 GROUP BY ${n} ORDER BY ${n} DESC`,
      `SELECT DISTINCT ${n}.${n}, "other column" FROM ${n} WHERE 7 IN (${n})`,
      `SELECT max(${n}), ${n} FROM ${n} AS t1`,
      `SELECT t2.${n} FROM ${n} AS t1 JOIN ${n} AS t2 ON t1.${n} = t2.${n} AND t1.${n} > 6`,
      `SELECT ${n} FROM ${n} CROSS JOIN (SELECT 1)`,
    ].every((sql) => db.exec(sql)[0]?.values[0]?.[0] === 7);
  } catch {
    return false;
  } finally {
    db.run(`DROP TABLE ${quoted}`);
  }
}

const KEYWORDS = (
  'ABORT ACTION ADD AFTER ALL ALTER ALWAYS ANALYZE AND AS ASC ATTACH AUTOINCREMENT BEFORE BEGIN ' +
  'BETWEEN BY CASCADE CASE CAST CHECK COLLATE COLUMN COMMIT CONFLICT CONSTRAINT CREATE CROSS CURRENT ' +
  'CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP DATABASE DEFAULT DEFERRABLE DEFERRED DELETE DESC ' +
  'DETACH DISTINCT DO DROP EACH ELSE END ESCAPE EXCEPT EXCLUDE EXCLUSIVE EXISTS EXPLAIN FAIL FILTER ' +
  'FIRST FOLLOWING FOR FOREIGN FROM FULL GENERATED GLOB GROUP GROUPS HAVING IF IGNORE IMMEDIATE IN ' +
  'INDEX INDEXED INITIALLY INNER INSERT INSTEAD INTERSECT INTO IS ISNULL JOIN KEY LAST LEFT LIKE ' +
  'LIMIT MATCH MATERIALIZED NATURAL NO NOT NOTHING NOTNULL NULL NULLS OF OFFSET ON OR ORDER OTHERS ' +
  'OUTER OVER PARTITION PLAN PRAGMA PRECEDING PRIMARY QUERY RAISE RANGE RECURSIVE REFERENCES REGEXP ' +
  'REINDEX RELEASE RENAME REPLACE RESTRICT RETURNING RIGHT ROLLBACK ROW ROWS SAVEPOINT SELECT SET ' +
  'TABLE TEMP TEMPORARY THEN TIES TO TRANSACTION TRIGGER UNBOUNDED UNION UNIQUE UPDATE USING VACUUM ' +
  'VALUES VIEW VIRTUAL WHEN WHERE WINDOW WITH WITHOUT TRUE FALSE ROWID'
).split(' ');

describe('quoteName', () => {
  it('makes every keyword usable', () => {
    expect(KEYWORDS.filter((word) => !usable(word.toLowerCase()))).toEqual([]);
  });

  it('leaves plain names bare and quotes the rest', () => {
    expect(['singer', 'Singer_ID', '_x1', 'date'].map(quoteName)).toEqual(
      ['singer', 'Singer_ID', '_x1', 'date'], // prettier-ignore
    );
    expect(quoteName('Home Town')).toBe('"Home Town"');
    expect(quoteName('order')).toBe('"order"');
    expect(quoteName('1st')).toBe('"1st"');
    expect(quoteName('a"b')).toBe('"a""b"');
  });

  it('makes any name usable', () => {
    const name = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter((s) => !s.includes('\0') && !/^sqlite_/i.test(s));
    fc.assert(
      fc.property(name, (s) => {
        expect(usable(s)).toBe(true);
      }),
    );
  });
});

describe('sqlLiteral', () => {
  it('means the value it was given', () => {
    const cell = fc.oneof(
      fc.constantFrom<Cell>(null, Infinity, -Infinity, 0.1, 1e300, -5),
      fc.integer(),
      fc.string({ unit: 'grapheme' }).filter((s) => !s.includes('\0')),
      fc.uint8Array({ maxLength: 8 }),
    );
    fc.assert(
      fc.property(cell, (value) => {
        expect(db.exec(`SELECT ${sqlLiteral(value)}`)[0]?.values[0]?.[0]).toEqual(value);
      }),
    );
    expect(sqlLiteral(9007199254740993n)).toBe('9007199254740993');
  });

  it('cuts long text', () => {
    expect(sqlLiteral("it's 🙂🙂🙂", 7)).toBe("'it''s 🙂🙂…'");
    expect(sqlLiteral('short', 5)).toBe("'short'");
  });
});
