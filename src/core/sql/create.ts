import type { SqlJsStatic, Statement } from 'sql.js';
import type { Cell } from '../data/task.ts';

export interface TableRows {
  table: string;
  /** Cells in the order of the table's columns. */
  rows: readonly (readonly Cell[])[];
}

/**
 * A SQLite file from DDL and rows, outside any sandbox: for databases this project makes itself.
 * Equal arguments give equal bytes.
 */
export function createDatabase(
  SQL: SqlJsStatic,
  ddl: readonly string[],
  inserts: readonly TableRows[] = [],
): Uint8Array {
  const db = new SQL.Database();
  try {
    db.run('BEGIN');
    for (const statement of ddl) db.run(statement);
    for (const { table, rows } of inserts) {
      const name = `"${table.replaceAll('"', '""')}"`;
      const statements = new Map<string, Statement>();
      for (const row of rows) {
        // sql.js binds integers beyond 32 bits as REAL and bigint as TEXT.
        const slots = row.map((cell) => (isWideInteger(cell) ? 'CAST(? AS INTEGER)' : '?')).join();
        let statement = statements.get(slots);
        if (!statement) {
          statement = db.prepare(`INSERT INTO ${name} VALUES (${slots})`);
          statements.set(slots, statement);
        }
        statement.run(row.map((cell) => (isWideInteger(cell) ? String(cell) : cell)));
      }
      for (const statement of statements.values()) statement.free();
    }
    db.run('COMMIT');
    return db.export();
  } finally {
    db.close();
  }
}

function isWideInteger(cell: Cell): cell is bigint | number {
  return (
    typeof cell === 'bigint' ||
    (typeof cell === 'number' && Number.isSafeInteger(cell) && cell !== (cell | 0))
  );
}
