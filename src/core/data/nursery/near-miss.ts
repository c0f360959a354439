/**
 * Plausible wrong versions of a query: each changes one thing. They are the planted errors of the
 * warm start and most of the mutants that acceptance runs.
 */
import type { Stream } from '../../random/stream.ts';
import {
  renderSql,
  type Aggregate,
  type ColumnRef,
  type Comparison,
  type Condition,
  type Item,
  type Query,
} from './query.ts';
import type { NurseryColumn, NurseryTable, Variant } from './schemas.ts';
import { clone, conditionsIn, queriesIn, sitesIn } from './walk.ts';

/** `name` is the kind whose SQL fails: it uses a name that its tables do not have. */
export const NEAR_MISS_KINDS = [
  'column',
  'select',
  'operator',
  'condition',
  'join',
  'aggregate',
  'group',
  'order',
  'limit',
  'distinct',
  'set',
  'table',
  'name',
] as const;
export type NearMissKind = (typeof NEAR_MISS_KINDS)[number];

/** The schema seen by name. */
export class SchemaNames {
  readonly tables: readonly NurseryTable[];

  constructor(variant: Variant) {
    this.tables = variant.tables;
  }

  table(name: string): NurseryTable | undefined {
    return this.tables.find((table) => table.name === name);
  }

  column({ table, column }: ColumnRef): NurseryColumn | undefined {
    return this.table(table)?.columns.find(({ name }) => name === column);
  }
}

const storage = ({ kind, tenths }: NurseryColumn): string =>
  kind === 'number' ? (tenths ? 'real' : 'integer') : kind === 'year' ? 'integer' : 'text';

const isKey = ({ kind }: NurseryColumn): boolean => kind === 'key' || kind === 'reference';

const OTHER_OPERATORS: Record<Comparison, readonly Comparison[]> = {
  '>': ['<', '>='],
  '<': ['>', '<='],
  '>=': ['<=', '>'],
  '<=': ['>=', '<'],
  '=': ['!='],
  '!=': ['='],
};

const OTHER_AGGREGATES: Record<Exclude<Aggregate, 'COUNT'>, readonly Aggregate[]> = {
  AVG: ['SUM', 'MAX', 'MIN'],
  SUM: ['AVG', 'MAX', 'COUNT'],
  MIN: ['MAX', 'AVG'],
  MAX: ['MIN', 'AVG', 'SUM'],
};

const subqueried = (c: Condition): boolean => c.kind === 'compare' && typeof c.right === 'object';

/** Two columns that both tell all rows apart make the same groups; keys group for a superlative. */
const regroups = (from: NurseryColumn, to: NurseryColumn): boolean =>
  from.kind === 'category' || (from.kind !== 'key' && to.kind === 'category');

/** Edits `query` in place and says whether there was anything to edit. */
type Edit = (query: Query, names: SchemaNames, stream: Stream) => boolean;

/** Another column of the same table, of the same type wherever it is compared or computed with. */
const editColumn: Edit = (query, names, stream) => {
  const options = sitesIn(query).flatMap(({ ref, place }) => {
    const column = names.column(ref);
    if (!column || isKey(column)) return [];
    return column.table.columns
      .filter(
        (other) =>
          other !== column &&
          !isKey(other) &&
          // A measure may be listed, but not taken for a name.
          (place === 'select' || storage(other) === storage(column)) &&
          (place !== 'group' || regroups(column, other)),
      )
      .map((other) => ({ ref, other }));
  });
  if (options.length === 0) return false;
  const { ref, other } = stream.pick(options);
  ref.column = other.name;
  return true;
};

/** Forgets a column of the answer, or gives one that was not asked for. */
const editSelect: Edit = (query, names, stream) => {
  const { select, groupBy, compound } = query;
  if (compound) return false;
  if (select.length > 1) {
    select.splice(stream.int(select.length), 1);
    return true;
  }
  const column = names.column(select[0]!.column);
  if (select[0]!.aggregate || groupBy || !column) return false;
  const others = column.table.columns.filter((other) => other !== column && !isKey(other));
  if (others.length === 0) return false;
  select.push({ column: { table: column.table.name, column: stream.pick(others).name } });
  return true;
};

const editOperator: Edit = (query, _, stream) => {
  const conditions = queriesIn(query).flatMap(conditionsIn);
  if (conditions.length === 0) return false;
  const c = stream.pick(conditions);
  if (c.kind === 'compare') {
    const choices = OTHER_OPERATORS[c.operator];
    // No value equals an average, and one more row at the edge often changes nothing.
    c.operator = subqueried(c) || stream.chance(0.75) ? choices[0]! : stream.pick(choices);
  } else if (c.kind === 'between') {
    const [operator, right] = stream.chance(0.5)
      ? (['>', c.low] as const)
      : (['<', c.high] as const);
    const changed: Condition = { kind: 'compare', left: { column: c.column }, operator, right };
    replaceCondition(query, c, changed);
  } else if (c.negated) {
    delete c.negated;
  } else {
    c.negated = true;
  }
  return true;
};

function replaceCondition(query: Query, from: Condition, to: Condition): void {
  for (const q of queriesIn(query)) {
    if (q.having === from) q.having = to;
    const at = q.where?.conditions.indexOf(from) ?? -1;
    if (at >= 0) q.where!.conditions[at] = to;
  }
}

/** Drops a condition, or takes AND for OR. */
const editCondition: Edit = (query, _, stream) => {
  const withWhere = queriesIn(query).filter((q) => q.where ?? q.having);
  if (withWhere.length === 0) return false;
  const q = stream.pick(withWhere);
  const { where } = q;
  if (q.having && (!where || stream.chance(0.5))) {
    delete q.having;
  } else if (where!.conditions.length === 1) {
    delete q.where;
  } else if (stream.chance(0.5)) {
    where!.connector = where!.connector === 'AND' ? 'OR' : 'AND';
  } else {
    where!.conditions.splice(stream.int(where!.conditions.length), 1);
  }
  return true;
};

/** Joins on the wrong key, or looks for the wrong key in a subquery. */
const editJoin: Edit = (query, names, stream) => {
  const edits: (() => void)[] = [];
  for (const q of queriesIn(query)) {
    for (const { left, right } of q.joins) {
      const child = names.table(left.table);
      const parent = names.table(right.table);
      if (!child || !parent) continue;
      for (const { name, kind } of child.columns) {
        if ((kind === 'key' || kind === 'reference') && name !== left.column) {
          edits.push(() => (left.column = name));
        }
      }
    }
    for (const c of q.where?.conditions ?? []) {
      if (c.kind !== 'in') continue;
      const { column } = c.query.select[0]!;
      const child = names.table(column.table);
      for (const { name, kind } of child?.columns ?? []) {
        if ((kind === 'key' || kind === 'reference') && name !== column.column) {
          edits.push(() => (column.column = name));
        }
      }
    }
  }
  if (edits.length === 0) return false;
  stream.pick(edits)();
  return true;
};

const editAggregate: Edit = (query, names, stream) => {
  const items = queriesIn(query).flatMap((q): { item: Item; query: Query }[] => [
    ...q.select.map((item) => ({ item, query: q })),
    // ORDER BY SUM(…) and MAX(…) too often put the same group first as COUNT(*).
    ...(q.orderBy && q.orderBy.item.aggregate !== 'COUNT'
      ? [{ item: q.orderBy.item, query: q }]
      : []),
    ...(q.having?.kind === 'compare' ? [{ item: q.having.left, query: q }] : []),
  ]);
  interface Option {
    item: Item;
    others: readonly Aggregate[];
    to: string | undefined;
  }
  const options = items.flatMap(({ item, query: q }): Option[] => {
    const { aggregate } = item;
    if (aggregate === undefined) return [];
    if (aggregate !== 'COUNT')
      return [{ item, others: OTHER_AGGREGATES[aggregate], to: undefined }];
    if (item.distinct) return [];
    const numbers = names.table(q.from)?.columns.filter(({ kind }) => kind === 'number') ?? [];
    return numbers.map((column) => ({ item, others: ['SUM', 'MAX'], to: column.name }));
  });
  if (options.length === 0) return false;
  const { item, others, to } = stream.pick(options);
  item.aggregate = stream.pick(others);
  if (to !== undefined) item.column.column = to;
  return true;
};

const editGroup: Edit = (query, names, stream) => {
  const options = queriesIn(query).flatMap(({ groupBy }) => {
    const column = groupBy && names.column(groupBy);
    if (!column) return [];
    return column.table.columns
      .filter((other) => other !== column && !isKey(other) && regroups(column, other))
      .map((other) => () => (groupBy.column = other.name));
  });
  if (options.length === 0) return false;
  stream.pick(options)();
  return true;
};

const editOrder: Edit = (query) => {
  const ordered = queriesIn(query).find((q) => q.orderBy);
  if (!ordered?.orderBy) return false;
  ordered.orderBy.descending = !ordered.orderBy.descending;
  return true;
};

const editLimit: Edit = (query, _, stream) => {
  const limited = queriesIn(query).find((q) => q.limit !== undefined);
  if (limited?.limit === undefined) return false;
  if (stream.chance(0.4)) delete limited.limit;
  else limited.limit += limited.limit > 1 && stream.chance(0.5) ? -1 : 1;
  return true;
};

const editDistinct: Edit = (query) => {
  const counted = queriesIn(query).flatMap((q) => q.select.filter((item) => item.distinct));
  if (counted[0]) delete counted[0].distinct;
  else if (query.distinct) delete query.distinct;
  else return false;
  return true;
};

const editSet: Edit = (query, _, stream) => {
  if (!query.compound) return false;
  const others = (['UNION', 'INTERSECT', 'EXCEPT'] as const).filter(
    (operator) => operator !== query.compound!.operator,
  );
  query.compound.operator = stream.pick(others);
  return true;
};

/** Another table, where all the columns used are found there too. */
const editTable: Edit = (query, names, stream) => {
  if (query.joins.length > 0 || queriesIn(query).length > 1) return false;
  const refs = sitesIn(query).map((site) => site.ref);
  const others = names.tables.filter(
    (table) =>
      table.name !== query.from &&
      refs.every(({ column }) => column === '*' || table.columns.some((c) => c.name === column)),
  );
  if (others.length === 0) return false;
  query.from = stream.pick(others).name;
  for (const ref of refs) ref.table = query.from;
  return true;
};

/** A name the query's tables do not have: the concept's other word, or another table's column. */
const editName: Edit = (query, names, stream) => {
  const scope = queriesIn(query)
    .flatMap((q) => [q.from, ...q.joins.map((join) => join.table)])
    .map((name) => names.table(name)!);
  const sites = stream.shuffle(sitesIn(query).filter(({ ref }) => ref.column !== '*'));
  for (const { query: q, ref } of sites) {
    const column = names.column(ref);
    if (!column || isKey(column)) continue;
    // A subquery sees the columns of the query around it too.
    const owner = q.joins.length > 0 ? [column.table] : scope;
    const absent = (name: string): boolean =>
      !owner.some((table) => table.columns.some((c) => c.name === name));
    const words = column.words.filter(absent);
    const misplaced = names.tables
      .filter((table) => table !== column.table)
      .flatMap((table) => table.columns.filter((c) => !isKey(c) && absent(c.name)));
    const other = [...words, ...(words.length === 0 || stream.chance(0.3) ? misplaced : [])].map(
      (c) => (typeof c === 'string' ? c : c.name),
    );
    if (other.length === 0) continue;
    ref.column = stream.pick(other);
    return true;
  }
  const table = names.table(query.from);
  const words = table?.words.filter((word) => !names.table(word)) ?? [];
  if (!table || words.length === 0 || query.joins.length > 0) {
    return false;
  }
  query.from = stream.pick(words);
  return true;
};

const EDITS: Record<NearMissKind, Edit> = {
  column: editColumn,
  select: editSelect,
  operator: editOperator,
  condition: editCondition,
  join: editJoin,
  aggregate: editAggregate,
  group: editGroup,
  order: editOrder,
  limit: editLimit,
  distinct: editDistinct,
  set: editSet,
  table: editTable,
  name: editName,
};

/** The edits whose SQL runs. */
export const WRONG_EDITS: readonly Edit[] = NEAR_MISS_KINDS.filter((kind) => kind !== 'name').map(
  (kind) => EDITS[kind],
);

/** Applies an edit to a copy; undefined when it does not apply or changes nothing. */
export function edited(
  query: Query,
  edit: Edit,
  names: SchemaNames,
  stream: Stream,
): Query | undefined {
  const copy = clone(query);
  if (!edit(copy, names, stream)) return undefined;
  return renderSql(copy) === renderSql(query) ? undefined : copy;
}

/** A wrong version of the query of the given kind, or undefined where that kind does not apply. */
export const nearMiss = (
  query: Query,
  variant: Variant,
  kind: NearMissKind,
  stream: Stream,
): Query | undefined => edited(query, EDITS[kind], new SchemaNames(variant), stream);

export type { Edit };
