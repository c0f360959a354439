/** Finding one's way in a query, to change parts of it. */
import type { ColumnRef, Condition, Query } from './query.ts';

/** A deep copy, all of whose parts may be changed. */
export function clone<T>(value: T): T {
  if (Array.isArray(value)) return value.map(clone) as T;
  if (typeof value !== 'object' || value === null) return value;
  const copy: Record<string, unknown> = {};
  for (const key in value) copy[key] = clone(value[key]);
  return copy as T;
}

/** A column reference in a query, with what it is there for. */
export interface Site {
  query: Query;
  ref: ColumnRef;
  place: 'select' | 'where' | 'group' | 'order' | 'having';
}

export function queriesIn(query: Query): Query[] {
  const inner = conditionsIn(query).flatMap((c) =>
    c.kind === 'in'
      ? [c.query]
      : c.kind === 'compare' && typeof c.right === 'object'
        ? [c.right]
        : [],
  );
  if (query.compound) inner.push(query.compound.query);
  return [query, ...inner.flatMap(queriesIn)];
}

export const conditionsIn = ({ where, having }: Query): Condition[] => [
  ...(where?.conditions ?? []),
  ...(having ? [having] : []),
];

const refOf = (c: Condition): ColumnRef => (c.kind === 'compare' ? c.left.column : c.column);

export function sitesIn(query: Query): Site[] {
  return queriesIn(query).flatMap((q): Site[] => [
    ...q.select.map((s): Site => ({ query: q, ref: s.column, place: 'select' })),
    ...(q.where?.conditions ?? []).map((c): Site => ({ query: q, ref: refOf(c), place: 'where' })),
    ...(q.groupBy ? [{ query: q, ref: q.groupBy, place: 'group' } as const] : []),
    ...(q.having ? [{ query: q, ref: refOf(q.having), place: 'having' } as const] : []),
    ...(q.orderBy ? [{ query: q, ref: q.orderBy.item.column, place: 'order' } as const] : []),
  ]);
}
