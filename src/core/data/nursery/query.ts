/** The SQL the Nursery writes: a small query structure and the one style it is rendered in. */

export type Aggregate = 'COUNT' | 'SUM' | 'AVG' | 'MIN' | 'MAX';
export type Comparison = '=' | '!=' | '<' | '<=' | '>' | '>=';
export type SetOperator = 'UNION' | 'INTERSECT' | 'EXCEPT';

export interface ColumnRef {
  table: string;
  /** `*` only inside COUNT. */
  column: string;
}

export interface Item {
  aggregate?: Aggregate;
  /** COUNT(DISTINCT …). */
  distinct?: boolean;
  column: ColumnRef;
  /** AS, in a select list. */
  alias?: string;
}

export type Condition =
  | { kind: 'compare'; left: Item; operator: Comparison; right: string | number | Query }
  | { kind: 'like'; column: ColumnRef; pattern: string; negated?: boolean }
  | { kind: 'between'; column: ColumnRef; low: string | number; high: string | number }
  | { kind: 'in'; column: ColumnRef; query: Query; negated?: boolean }
  | { kind: 'null'; column: ColumnRef; negated?: boolean };

/** Conditions joined by one connector; the Nursery writes no parentheses around conditions. */
export interface Filter {
  connector: 'AND' | 'OR';
  conditions: Condition[];
}

export interface Join {
  table: string;
  left: ColumnRef;
  right: ColumnRef;
}

export interface Query {
  distinct?: boolean;
  select: Item[];
  from: string;
  joins: Join[];
  where?: Filter;
  groupBy?: ColumnRef;
  having?: Condition;
  orderBy?: { item: Item; descending: boolean };
  limit?: number;
  compound?: { operator: SetOperator; query: Query };
}

export const literal = (value: string | number): string =>
  typeof value === 'number' ? `${value}` : `'${value.replaceAll("'", "''")}'`;

type Namer = (ref: ColumnRef) => string;

function item({ aggregate, distinct, column }: Item, name: Namer): string {
  if (aggregate === undefined) return name(column);
  return `${aggregate}(${distinct ? 'DISTINCT ' : ''}${name(column)})`;
}

function condition(c: Condition, name: Namer): string {
  switch (c.kind) {
    case 'compare': {
      const right = typeof c.right === 'object' ? `(${renderSql(c.right)})` : literal(c.right);
      return `${item(c.left, name)} ${c.operator} ${right}`;
    }
    case 'like':
      return `${name(c.column)} ${c.negated ? 'NOT LIKE' : 'LIKE'} ${literal(c.pattern)}`;
    case 'between':
      return `${name(c.column)} BETWEEN ${literal(c.low)} AND ${literal(c.high)}`;
    case 'in':
      return `${name(c.column)} ${c.negated ? 'NOT IN' : 'IN'} (${renderSql(c.query)})`;
    case 'null':
      return `${name(c.column)} IS ${c.negated ? 'NOT NULL' : 'NULL'}`;
  }
}

/**
 * One style for all: upper-case keywords, no aliases, ASC and DESC written out, columns qualified
 * only where there is a join, no final semicolon.
 */
export function renderSql(query: Query): string {
  const { select, from, joins, where, groupBy, having, orderBy, limit, compound } = query;
  const qualified = joins.length > 0;
  const name: Namer = ({ table, column }) =>
    qualified && column !== '*' ? `${table}.${column}` : column;
  let sql = `SELECT ${query.distinct ? 'DISTINCT ' : ''}`;
  const items = select.map((s) => item(s, name) + (s.alias === undefined ? '' : ` AS ${s.alias}`));
  sql += `${items.join(', ')} FROM ${from}`;
  for (const { table, left, right } of joins) {
    sql += ` JOIN ${table} ON ${name(left)} = ${name(right)}`;
  }
  if (where) {
    const parts = where.conditions.map((c) => condition(c, name));
    sql += ` WHERE ${parts.join(` ${where.connector} `)}`;
  }
  if (groupBy) sql += ` GROUP BY ${name(groupBy)}`;
  if (having) sql += ` HAVING ${condition(having, name)}`;
  if (orderBy)
    sql += ` ORDER BY ${item(orderBy.item, name)} ${orderBy.descending ? 'DESC' : 'ASC'}`;
  if (limit !== undefined) sql += ` LIMIT ${limit}`;
  if (compound) sql += ` ${compound.operator} ${renderSql(compound.query)}`;
  return sql;
}
