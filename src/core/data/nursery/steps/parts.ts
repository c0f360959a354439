/** Parts that decompositions are put together from: ways to a set of rows, and ways from there to the answer. */
import type { Aggregate, Condition, Query } from '../query.ts';
import { countAll, item, ref, type Filtering, type Scene } from '../scene.ts';
import type { Link, NurseryColumn, NurseryTable } from '../schemas.ts';
import { aggregated, all, select, selectJoin } from '../templates/template.ts';
import { as, Chain, columnNamed, type Plan } from './chain.ts';

/** A way to a table of rows. */
export type Part = readonly [id: string, build: (chain: Chain) => NurseryTable];
/** A way from a table of rows to the answer. */
export type End = readonly [id: string, build: (chain: Chain, rows: NurseryTable) => void];

export const plan =
  (s: Scene, id: string, build: (chain: Chain) => void): (() => Plan) =>
  () => {
    const chain = new Chain(s.variant);
    build(chain);
    return { id, steps: chain.steps };
  };

/** Every way to the rows with every way on. */
export const crossed = (s: Scene, parts: readonly Part[], ends: readonly End[]): (() => Plan)[] =>
  parts.flatMap(([part, first]) =>
    ends.map(([end, then]) => plan(s, `${part} ${end}`, (chain) => then(chain, first(chain)))),
  );

type Rest = Parameters<typeof select>[2];

export const star = (table: NurseryTable, rest?: Rest): Query =>
  select([{ column: { table: table.name, column: '*' } }], table, rest);

/** column IN (SELECT key FROM table). */
export const within = (
  column: NurseryColumn,
  table: NurseryTable,
  key: NurseryColumn,
  negated = false,
): Condition => ({
  kind: 'in',
  ...(negated && { negated }),
  column: ref(column),
  query: select([item(columnNamed(table, key.name))], table),
});

/** column operator (SELECT name FROM table). */
export const against = (
  column: NurseryColumn,
  operator: '=' | '<' | '>',
  table: NurseryTable,
  name: string,
): Condition => ({
  kind: 'compare',
  left: item(column),
  operator,
  right: select([item(columnNamed(table, name))], table),
});

/** Columns that a join may list side by side. */
export const differ = (...columns: readonly NurseryColumn[]): boolean =>
  new Set(columns.map(({ name }) => name)).size === columns.length;

/** The children of parents that pass a filter: filter first, or join first. */
export function childrenOf(
  s: Scene,
  link: Link,
  f: Filtering,
  filtered: NurseryColumn,
  columns: readonly NurseryColumn[],
): Part[] {
  const { child, parent, column } = link;
  return [
    [
      'filter',
      (chain) => {
        const where = all(f.condition);
        const a = chain.cte(
          `${s.many(parent)} ${f.text}`,
          select([item(parent.key)], parent, { where }),
        );
        const whose = all(within(column, a, parent.key));
        return chain.cte(`their ${s.many(child)}`, star(child, { where: whose }));
      },
    ],
    [
      'join',
      (chain) => {
        const items = [...columns, filtered].map(item);
        const a = chain.cte(
          `each ${s.one(child)} and its ${s.one(parent)}`,
          selectJoin(items, [link]),
        );
        return chain.cte(`those ${f.text}`, star(a, { where: all(f.condition) }));
      },
    ],
  ];
}

/** The row with the largest or smallest value: cut after ranking, or compare with the extreme. */
export function extremeOf(
  s: Scene,
  n: NurseryColumn,
  descending: boolean,
  shown: readonly NurseryColumn[],
): End[] {
  const side = descending ? 'highest' : 'lowest';
  const names = shown.map((column) => s.one(column)).join(' and ');
  const items = shown.map(item);
  return [
    [
      'cut',
      (chain, rows) => {
        const orderBy = { item: item(n), descending };
        chain.answer(
          `${names} of the ${side} ${s.one(n)}`,
          select(items, rows, { orderBy, limit: 1 }),
        );
      },
    ],
    [
      'compare',
      (chain, rows) => {
        const best = [as(aggregated(descending ? 'MAX' : 'MIN', n), 'best')];
        const b = chain.cte(`the ${side} ${s.one(n)}`, select(best, rows));
        const where = all(against(columnNamed(rows, n.name), '=', b, 'best'));
        chain.answer(`${names} with it`, select(items, rows, { where }));
      },
    ],
  ];
}

/** Groups with one number each, the largest or smallest to be found. */
export interface Grouped {
  aggregate: Aggregate;
  /** What is aggregated; rows are counted without. */
  of?: NurseryColumn;
  descending: boolean;
}

export const measured = ({ aggregate, of }: Grouped, table: NurseryTable) =>
  as(of ? aggregated(aggregate, of) : countAll(table), 'n');

/** `number of songs`, `average price`. */
export const measureText = (s: Scene, { aggregate, of }: Grouped, counted: NurseryTable): string =>
  of ? `${aggregate === 'AVG' ? 'average' : 'total'} ${s.one(of)}` : `number of ${s.many(counted)}`;

export const sideText = ({ descending }: Grouped): string => (descending ? 'highest' : 'lowest');

/** The parent whose children (or `rows` of them) have the most, the largest sum, …. */
export function topParent(
  s: Scene,
  { child, parent, column }: Link,
  group: Grouped,
  shown: NurseryColumn,
): End[] {
  const text = measureText(s, group, child);
  const side = sideText(group);
  const groups = (chain: Chain, rows: NurseryTable): NurseryTable =>
    chain.cte(
      `${text} of each ${s.one(parent)}`,
      select([item(column), measured(group, rows)], rows, { groupBy: ref(column) }),
    );
  const final = (chain: Chain, condition: Condition): void =>
    chain.answer(`its ${s.one(shown)}`, select([item(shown)], parent, { where: all(condition) }));
  return [
    [
      'rank',
      (chain, rows) => {
        const b = groups(chain, rows);
        const orderBy = { item: item(columnNamed(b, 'n')), descending: group.descending };
        const top = select([item(column)], b, { orderBy, limit: 1 });
        const c = chain.cte(`the ${side}`, top);
        final(chain, within(parent.key, c, column));
      },
    ],
    [
      'compare',
      (chain, rows) => {
        const b = groups(chain, rows);
        const n = columnNamed(b, 'n');
        const best = [as(aggregated(group.descending ? 'MAX' : 'MIN', n), 'best')];
        const c = chain.cte(`the ${side} number`, select(best, b));
        const where = all(against(n, '=', c, 'best'));
        const query = select([item(columnNamed(b, column.name))], b, { where });
        final(chain, { kind: 'in', column: ref(parent.key), query });
      },
    ],
  ];
}
