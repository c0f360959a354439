/** Single-edit mutants of a query: acceptance asks that they give other answers than the query. */
import type { Stream } from '../../random/stream.ts';
import { edited, SchemaNames, WRONG_EDITS, type Edit } from './near-miss.ts';
import { renderSql, type Query } from './query.ts';
import { baseRows } from './rows.ts';
import type { Variant } from './schemas.ts';
import { queriesIn } from './walk.ts';

/** Another value from the rows for a constant of a condition. */
const editValue =
  (variant: Variant): Edit =>
  (query, names, stream) => {
    const edits = queriesIn(query).flatMap((q) =>
      [...(q.where?.conditions ?? []), ...(q.having ? [q.having] : [])].flatMap((c) => {
        if (c.kind === 'compare' && typeof c.right !== 'object') {
          if (c.left.aggregate && typeof c.right === 'number') {
            return [() => (c.right = (c.right as number) + 1)];
          }
          const column = names.column(c.left.column);
          if (!column) return [];
          const rows = baseRows(variant)[column.table.index]!;
          return [
            () => {
              const value = stream.pick(rows)[column.index];
              if (typeof value === typeof c.right) c.right = value as string | number;
            },
          ];
        }
        return [];
      }),
    );
    if (edits.length === 0) return false;
    stream.pick(edits)();
    return true;
  };

/** Something too much: LIMIT, a condition, an aggregate or one more column. */
const editExtra =
  (variant: Variant): Edit =>
  (query, names, stream) => {
    const choice = stream.int(4);
    if (choice === 0) {
      const one = query.select.some((item) => item.aggregate) && !query.groupBy;
      if (one || query.compound || query.limit !== undefined) return false;
      query.limit = 1;
      return true;
    }
    const table = names.table(query.from);
    if (!table) return false;
    const free = table.columns.filter(({ kind }) => kind !== 'key' && kind !== 'reference');
    const column = stream.pick(free);
    const ref = { table: table.name, column: column.name };
    if (choice === 1 && query.where?.connector !== 'OR') {
      const value = stream.pick(baseRows(variant)[table.index]!)[column.index];
      if (value === null || value === undefined) return false;
      query.where ??= { connector: 'AND', conditions: [] };
      query.where.conditions.push({
        kind: 'compare',
        left: { column: ref },
        operator: '=',
        right: value,
      });
      return true;
    }
    const [first] = query.select;
    if (choice === 2 && query.select.length === 1 && first && !first.aggregate) {
      first.aggregate = stream.pick(['COUNT', 'MAX', 'MIN'] as const);
      return true;
    }
    if (choice === 3 && !query.compound) {
      query.select.push({ column: ref });
      return true;
    }
    return false;
  };

/** Up to `count` different mutants as SQL, made as they are asked for. */
export function* mutants(
  query: Query,
  variant: Variant,
  count: number,
  stream: Stream,
): Generator<string> {
  const names = new SchemaNames(variant);
  const value = editValue(variant);
  const extra = editExtra(variant);
  const edits = [...WRONG_EDITS, value, value, extra, extra];
  const found = new Set<string>();
  for (let attempt = 0; attempt < 4 * count && found.size < count; attempt++) {
    const mutant = edited(query, stream.pick(edits), names, stream);
    const sql = mutant && renderSql(mutant);
    if (sql === undefined || found.has(sql)) continue;
    found.add(sql);
    yield sql;
  }
}
