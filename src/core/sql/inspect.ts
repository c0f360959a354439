import type { Database, SqlJsStatic } from 'sql.js';
import { schemaFromSqlite } from '../data/schema.ts';
import type { Cell, Schema } from '../data/task.ts';
import { badInput } from '../errors.ts';
import { readable } from './engine.ts';

/**
 * The schema that a SQLite file states. Outside the sandbox, which refuses the PRAGMA functions this
 * takes: only our own two queries run.
 */
export async function readSchema(SQL: SqlJsStatic, bytes: Uint8Array): Promise<Schema> {
  let db: Database | undefined;
  try {
    db = new SQL.Database(readable(bytes));
    db.run('PRAGMA query_only=1; PRAGMA trusted_schema=0');
    const open = db;
    return await schemaFromSqlite((sql) => (open.exec(sql)[0]?.values ?? []) as Cell[][]);
  } catch (error) {
    if (!(error instanceof Error) || error.name === 'StepSqlError') throw error;
    throw badInput('database', error.message, 'a SQLite database that can be read');
  } finally {
    db?.close();
  }
}
