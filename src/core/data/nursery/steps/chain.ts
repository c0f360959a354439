/** Decompositions: chains of CTEs as queries, each of which may read the tables and the CTEs before it. */
import type { Item, Query } from '../query.ts';
import { renderSql } from '../query.ts';
import type { NurseryColumn, NurseryTable, Variant } from '../schemas.ts';
import { clone, sitesIn } from '../walk.ts';

export interface PlanStep {
  /** What the step does, in a few words. */
  rationale: string;
  query: Query;
  /** The CTE as a table that later steps may read; absent for the final query. */
  table?: NurseryTable;
}

/** One way to the answer; its last step is the final query. */
export interface Plan {
  /** Names the way, the same for all questions of a template. */
  id: string;
  steps: readonly PlanStep[];
}

/** Short, so that they cost one token; no table or column of the Nursery is called so. */
const CTE_NAMES = ['a', 'b', 'c', 'd'] as const;

export class Chain {
  readonly steps: PlanStep[] = [];
  readonly #tables: NurseryTable[];

  constructor(variant: Variant) {
    this.#tables = [...variant.tables];
  }

  /** Adds a CTE and gives it as a table. */
  cte(rationale: string, query: Query): NurseryTable {
    const name = CTE_NAMES[this.steps.length];
    if (name === undefined) throw new RangeError('more CTEs than names');
    const own = settled(query);
    const table = this.#result(own, name);
    this.steps.push({ rationale, query: own, table });
    this.#tables.push(table);
    return table;
  }

  /** Adds the final query. */
  answer(rationale: string, query: Query): void {
    this.steps.push({ rationale, query: settled(query) });
  }

  /** The result of a query as a table. */
  #result({ select, from }: Query, name: string): NurseryTable {
    const find = (wanted: string): NurseryTable =>
      this.#tables.find((table) => table.name === wanted)!;
    const source = find(from);
    const table: NurseryTable = { ...source, name, columns: [], index: this.#tables.length };
    const found = select.flatMap(({ aggregate, column: ref, alias }): NurseryColumn[] => {
      if (aggregate !== undefined) return [aggregateColumn(alias ?? aggregate, source)];
      if (ref.column === '*') return source.columns;
      const column = find(ref.table).columns.find((c) => c.name === ref.column)!;
      return [{ ...column, name: alias ?? column.name }];
    });
    table.columns = found.map((column, index) => ({ ...column, table, index }));
    table.key = table.columns.find(({ kind }) => kind === 'key') ?? table.columns[0]!;
    return table;
  }
}

const aggregateColumn = (name: string, table: NurseryTable): NurseryColumn => ({
  ...{ name, words: [name], kind: 'number', concept: name, nullable: false, values: [] },
  ...{ range: [0, 0], tenths: true, adjectives: undefined, table, index: 0 },
});

/** A copy whose columns belong to the table it reads: conditions may have been made for another one. */
function settled(query: Query): Query {
  const own = clone(query);
  if (own.joins.length > 0) return own;
  for (const site of sitesIn(own)) if (site.query === own) site.ref.table = own.from;
  return own;
}

export const columnNamed = (table: NurseryTable, name: string): NurseryColumn =>
  table.columns.find((column) => column.name === name)!;

/** An item of a select list under another name. */
export const as = (item: Item, alias: string): Item => ({ ...item, alias });

/** A step as the protocol's text: rationale, line break, SQL. */
export function stepText({ rationale, table }: PlanStep, query: Query): string {
  const sql = renderSql(query);
  return `${rationale}\n${table ? `${table.name} AS (${sql})` : sql}`;
}

/** The SQL of a whole plan. */
export function planSql({ steps }: Plan): string {
  const ctes = steps.flatMap(({ table, query }) =>
    table ? [`${table.name} AS (${renderSql(query)})`] : [],
  );
  return `WITH ${ctes.join(', ')} ${renderSql(steps.at(-1)!.query)}`;
}
