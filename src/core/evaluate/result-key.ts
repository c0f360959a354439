import { rowKey } from '../sql/cells.ts';
import type { Outcome } from '../sql/outcome.ts';

/**
 * Equal for results that are equal as sets of rows; undefined for what cannot vote: an empty result and
 * a query that did not run. Of a result longer than its preview only the number of rows and the preview,
 * in order, are compared.
 */
export function resultKey(outcome: Outcome | undefined): string | undefined {
  if (outcome?.kind !== 'rows' || outcome.rowCount === 0) return undefined;
  const rows = outcome.rows.map(rowKey);
  return outcome.rows.length === outcome.rowCount
    ? [...new Set(rows)].sort().join('\n')
    : `${outcome.rowCount} rows\n${rows.join('\n')}`;
}
