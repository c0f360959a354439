/**
 * What the small policy thinks before it writes SQL: a short thought that names tables, columns and operations,
 * in the order in which the SQL will need them. Constants are left out: the question has them.
 */
import type { Stream } from '../../random/stream.ts';
import type { Comparison, Condition, Item, Query, SetOperator } from './query.ts';

/** Words a thought has at least, and characters it has more than: FINER-SQL's format gate as scaled here. */
export const THOUGHT_WORDS = 12;
export const THOUGHT_CHARACTERS = 40;

/** One way of saying it. A policy settles on one with its first word; the rest follows from the query. */
interface Wording {
  need: string;
  joined: string;
  show: string;
  keep: string;
  group: string;
  having: string;
  sort: string;
  directions: readonly [ascending: string, descending: string];
  first: string;
}

const WORDINGS: readonly Wording[] = [
  {
    need: 'need',
    joined: 'joined to',
    show: 'columns',
    keep: 'keep',
    group: 'group by',
    having: 'groups with',
    sort: 'sort by',
    directions: ['ascending', 'descending'],
    first: 'first',
  },
  {
    need: 'use',
    joined: 'with',
    show: 'show',
    keep: 'where',
    group: 'for each',
    having: 'having',
    sort: 'order by',
    directions: ['lowest first', 'highest first'],
    first: 'limit',
  },
  {
    need: 'look in',
    joined: 'matched to',
    show: 'answer with',
    keep: 'only rows with',
    group: 'grouped by',
    having: 'only groups with',
    sort: 'sorted by',
    directions: ['going up', 'going down'],
    first: 'top',
  },
  {
    need: 'the table is',
    joined: 'together with',
    show: 'the answer is',
    keep: 'filter by',
    group: 'per',
    having: 'filter groups by',
    sort: 'ranked by',
    directions: ['low to high', 'high to low'],
    first: 'take',
  },
];

const COMPARED: Record<Comparison, string> = {
  '=': 'is',
  '!=': 'is not',
  '>': 'above',
  '<': 'below',
  '>=': 'at least',
  '<=': 'at most',
};

const COMBINED: Record<SetOperator, string> = {
  UNION: 'union with',
  INTERSECT: 'intersect with',
  EXCEPT: 'except for',
};

const AGGREGATED = { AVG: 'average', SUM: 'total', MIN: 'lowest', MAX: 'highest' } as const;

function itemIn({ aggregate, distinct, column }: Item): string {
  if (aggregate === undefined) return column.column;
  if (aggregate !== 'COUNT') return `${AGGREGATED[aggregate]} ${column.column}`;
  if (column.column === '*') return 'number of rows';
  return `number of ${distinct ? 'different ' : ''}${column.column}`;
}

function condition(c: Condition, w: Wording): string {
  const not = (negated?: boolean): string => (negated ? 'not ' : '');
  switch (c.kind) {
    case 'compare': {
      const right = typeof c.right === 'object' ? nested(c.right, w) : 'given';
      return `${itemIn(c.left)} ${COMPARED[c.operator]} ${right}`;
    }
    case 'like':
      return `${c.column.column} ${not(c.negated)}like given`;
    case 'between':
      return `${c.column.column} between given`;
    case 'in':
      return `${c.column.column} ${not(c.negated)}in ${nested(c.query, w)}`;
    case 'null':
      return `${c.column.column} is ${not(c.negated)}missing`;
  }
}

const tables = ({ from, joins }: Query, w: Wording): string =>
  from + joins.map(({ table, left }) => ` ${w.joined} ${table} on ${left.column}`).join('');

const columns = ({ distinct, select }: Query): string =>
  `${distinct ? 'different ' : ''}${select.map(itemIn).join(' and ')}`;

/** What is done to the rows, and to what set they are joined. */
function operations(query: Query, w: Wording): string[] {
  const { where, groupBy, having, orderBy, limit, compound } = query;
  const clauses: string[] = [];
  if (where) {
    const conditions = where.conditions.map((c) => condition(c, w));
    clauses.push(`${w.keep} ${conditions.join(` ${where.connector.toLowerCase()} `)}`);
  }
  if (groupBy) clauses.push(`${w.group} ${groupBy.column}`);
  if (having) clauses.push(`${w.having} ${condition(having, w)}`);
  if (orderBy) {
    clauses.push(`${w.sort} ${itemIn(orderBy.item)} ${w.directions[orderBy.descending ? 1 : 0]}`);
  }
  if (limit !== undefined) clauses.push(`${w.first} ${limit}`);
  if (compound) clauses.push(`${COMBINED[compound.operator]} ${nested(compound.query, w)}`);
  return clauses;
}

const nested = (query: Query, w: Wording): string =>
  [`${columns(query)} of ${tables(query, w)}`, ...operations(query, w)].join(' ');

const wordCount = (text: string): number => text.split(/\s+/).length;

/**
 * The thought that leads to a query, of at least `THOUGHT_WORDS` words and 40 characters: a short one goes on with
 * what is not needed.
 */
export function thoughtOf(query: Query, stream: Stream): string {
  const wording = stream.pick(WORDINGS);
  const said = [
    `${wording.need} ${tables(query, wording)}`,
    `${wording.show} ${columns(query)}`,
    ...operations(query, wording),
  ];
  const absent = [
    ...(query.joins.length > 0 ? [] : ['no join']),
    ...(query.where ? [] : ['no filter']),
    ...(query.groupBy ? [] : ['no groups']),
    ...(query.orderBy ? [] : ['no order']),
    ...(query.limit === undefined ? ['no limit'] : []),
  ];
  let thought = said.join('; ');
  for (const each of absent) {
    if (wordCount(thought) >= THOUGHT_WORDS) break;
    thought += `; ${each}`;
  }
  return thought;
}
