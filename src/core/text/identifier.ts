/** Names and values as SQLite wants them written. */
import type { Cell } from '../data/task.ts';

/**
 * Words SQLite 3.54 does not take bare as a table or column name everywhere in a query, found by
 * trying each keyword of sqlite.org/lang_keywords.html (identifier.test.ts does it again), and the
 * words of joins, which it takes in some places only.
 */
const RESERVED = new Set(
  (
    'ADD ALL ALTER AND AS AUTOINCREMENT BETWEEN CASE CAST CHECK COLLATE COMMIT CONSTRAINT CREATE ' +
    'CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP DEFAULT DEFERRABLE DELETE DISTINCT DROP ELSE ' +
    'ESCAPE EXCEPT EXISTS FOREIGN FROM GROUP HAVING IN INDEX INSERT INTERSECT INTO IS ISNULL JOIN ' +
    'LIMIT NOT NOTHING NOTNULL NULL ON OR ORDER PRIMARY RAISE REFERENCES RETURNING SELECT SET TABLE ' +
    'THEN TO TRANSACTION UNION UNIQUE UPDATE USING VALUES WHEN WHERE WITH TRUE FALSE ' +
    'CROSS FULL INNER LEFT NATURAL OUTER RIGHT'
  ).split(' '),
);

/** A table or column name, in double quotes only where SQLite needs them. */
export function quoteName(name: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !RESERVED.has(name.toUpperCase())) return name;
  return `"${name.replaceAll('"', '""')}"`;
}

/** A value as an SQL literal. Text keeps its first `maxChars` code points, `…` marking the cut. */
export function sqlLiteral(value: Cell, maxChars = Infinity): string {
  if (value === null) return 'NULL';
  if (typeof value === 'string') {
    const chars = value.length > maxChars ? [...value] : [];
    const text = chars.length > maxChars ? `${chars.slice(0, maxChars).join('')}…` : value;
    return `'${text.replaceAll("'", "''")}'`;
  }
  if (value instanceof Uint8Array) {
    const shown = value.subarray(0, Math.min(value.length, maxChars));
    return `x'${Array.from(shown, (byte) => byte.toString(16).padStart(2, '0')).join('')}'`;
  }
  if (value === Infinity || value === -Infinity) return value > 0 ? '9e999' : '-9e999';
  return String(value);
}
