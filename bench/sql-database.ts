/** A database and queries on it for the benches of SQL: joins, groups and filters over 2 500 rows. */
import { createDatabase } from '../src/core/sql/create.ts';
import type { loadSql } from '../src/core/sql/engine.ts';

const SHAPES = [
  (n: number) => `SELECT name FROM customer WHERE age > ${n % 80} ORDER BY name`,
  (n: number) => `SELECT city, count(*), avg(age) FROM customer WHERE id <> ${n} GROUP BY city`,
  (n: number) =>
    `SELECT c.name, sum(o.total) AS s FROM customer AS c JOIN purchase AS o ON o.customer_id = c.id ` +
    `WHERE o.total > ${n % 100} GROUP BY c.id ORDER BY s DESC LIMIT 5`,
  (n: number) =>
    `SELECT count(*) FROM customer WHERE id NOT IN (SELECT customer_id FROM purchase WHERE total > ${n})`,
];

/** Query `n`; neighbours differ in kind. */
export const queryOf = (n: number): string => SHAPES[n % SHAPES.length]!(n);

export const shopDatabase = (SQL: Awaited<ReturnType<typeof loadSql>>): Uint8Array =>
  createDatabase(
    SQL,
    [
      'CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, city TEXT, age INTEGER)',
      'CREATE TABLE purchase (id INTEGER PRIMARY KEY, customer_id INTEGER, total REAL)',
    ],
    [
      {
        table: 'customer',
        rows: Array.from({ length: 500 }, (_, i) => [i, `n${i * 7919}`, `c${i % 20}`, i % 90]),
      },
      {
        table: 'purchase',
        rows: Array.from({ length: 2000 }, (_, i) => [i, (i * 31) % 500, (i * 37) % 1000]),
      },
    ],
  );
