/** Which tool calls a query can be made to need: describing tables and looking values up. */
import type { Stream } from '../../../random/stream.ts';
import type { ColumnRef, Condition, Item, Query } from '../query.ts';
import type { NurseryColumn, NurseryTable, Variant } from '../schemas.ts';

/** What a query says of one column. */
interface Use {
  column: NurseryColumn;
  /** Compared with = or != only, or listed: its values may be spelt in any way. */
  recodable: boolean;
  /** Values it is compared with. */
  values: Set<string>;
}

const isKey = ({ kind }: NurseryColumn): boolean => kind === 'key' || kind === 'reference';

export const columnAt = (
  variant: Variant,
  { table, column }: ColumnRef,
): NurseryColumn | undefined =>
  variant.tables.find(({ name }) => name === table)?.columns.find(({ name }) => name === column);

/** The columns a query names, keys left out. Set operations and subqueries are not looked into. */
export function usesOf(query: Query, variant: Variant): Use[] {
  const uses = new Map<NurseryColumn, Use>();
  const note = (ref: ColumnRef, recodable: boolean, value?: string): void => {
    const column = columnAt(variant, ref);
    if (!column || isKey(column)) return;
    const use = uses.get(column) ?? { column, recodable: true, values: new Set<string>() };
    use.recodable &&= recodable;
    if (value !== undefined) use.values.add(value);
    uses.set(column, use);
  };
  const item = ({ column, aggregate }: Item): void =>
    note(column, aggregate === undefined || aggregate === 'COUNT');
  const condition = (c: Condition): void => {
    if (c.kind !== 'compare') note(c.column, false);
    else if (typeof c.right === 'string' && (c.operator === '=' || c.operator === '!=')) {
      note(c.left.column, true, c.right);
    } else note(c.left.column, false);
  };
  query.select.forEach(item);
  query.where?.conditions.forEach(condition);
  if (query.groupBy) note(query.groupBy, true);
  if (query.orderBy) note(query.orderBy.item.column, false);
  if (query.having) condition(query.having);
  return [...uses.values()];
}

/** Text that may be spelt anew: names and categories. */
export const isCodable = ({ kind, nullable }: NurseryColumn): boolean =>
  (kind === 'category' || kind === 'name') && !nullable;

/** A choice of what a task needs: tables to describe, and columns whose values are to be looked up. */
export interface Needs {
  tables: NurseryTable[];
  columns: NurseryColumn[];
}

function subsets<T>(items: readonly T[]): T[][] {
  return items.reduce<T[][]>((sets, item) => [...sets, ...sets.map((set) => [...set, item])], [[]]);
}

/** Every choice that needs `count` calls: one for each table, and one for each value looked up. */
export function choices(query: Query, variant: Variant, count: number): Needs[] {
  if (query.compound) return [];
  const uses = usesOf(query, variant);
  const tables = [...new Set(uses.map(({ column }) => column.table))];
  const coded = uses.filter(
    ({ column, recodable, values }) => recodable && values.size > 0 && isCodable(column),
  );
  return subsets(tables).flatMap((described) =>
    subsets(coded).flatMap((looked) => {
      const calls = looked.reduce((sum, { values }) => sum + values.size, described.length);
      return calls === count
        ? [{ tables: described, columns: looked.map(({ column }) => column) }]
        : [];
    }),
  );
}

/** Shares of tasks that need 0, 1, 2 and 3 calls, in percent. */
export const CALL_SHARES = [20, 35, 30, 15] as const;

/** How many calls the i-th task of a split needs: every hundred have the shares exactly. */
export function dealCalls(stream: Stream, count: number): number[] {
  const hundred = CALL_SHARES.flatMap((share, calls) => Array<number>(share).fill(calls));
  const dealt: number[] = [];
  while (dealt.length < count) dealt.push(...stream.shuffle(hundred));
  return dealt.slice(0, count);
}
