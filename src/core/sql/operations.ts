/**
 * A query as a set of atomic operations, FINER-SQL's (2605.03465) measure of how alike two queries are.
 *
 * The vocabulary is the one the released code documents, not the set it happens to emit with current versions
 * of its parser, which leaves out FROM and the bodies of common table expressions, loses the side of joins,
 * aggregates and right operands, and prints aliases (papers.md §2.3):
 *
 *     WITH_CTE(C1)                          and the operations of its body
 *     FROM(singer AS T1)                    JOIN(concert AS T2, LEFT)    FROM(SUBQUERY AS T1)
 *     ON_EQ(T1.id, T2.singer_id)            ON_PRED(>, T1.age, VALUE(3))    USING(id)
 *     SELECT_COL(name)   SELECT_AGG(COUNT, *)   SELECT_EXPR(DIV(SUM(y), COUNT(*)))   SELECT_WIN(RANK())
 *     WINDOW(PARTITION_BY(country))         DISTINCT
 *     WHERE_PRED(>, age, VALUE(20))         WHERE_PRED_TREE(OR(…))       for OR, NOT and bare expressions
 *     GROUP_BY(country)   HAVING_PRED(…)    ORDER_BY(age, DESC)   LIMIT(3)   OFFSET(2)
 *     UNION   UNION_ALL   INTERSECT   EXCEPT   VALUES(…)
 *     ENTER_SUBQUERY(FROM | SCALAR | IN | EXISTS)   and the operations of its body
 *
 * Names are in lower case; tables have canonical aliases per SELECT, in order of appearance; columns lose their
 * table, except in ON; AND is taken apart; the two sides of a comparison have one order; literals are kept.
 *
 * This project's reading: output aliases are no operations, and what uses one means its expression, through
 * subqueries too; names of common table expressions are canonical, as aliases are; markers that end a subquery
 * add nothing to a set and are left out.
 */
import {
  asNode,
  asNodes,
  callOf,
  nameOf,
  objectName,
  operands,
  orderOf,
  predicateOf,
  textOf,
  unwrap,
  variant,
  windowOf,
  type Place,
  type SubqueryKind,
} from './operation-text.ts';
import { columnsOf, Scope, type Output } from './operation-scope.ts';
import type { SqlParser, SyntaxNode } from './parser.ts';

const AGGREGATES = new Set(['avg', 'count', 'group_concat', 'max', 'min', 'sum', 'total']);

/** What a query gives, and the scope in which its ORDER BY is read. */
interface Block {
  outputs: Output[];
  place: Place;
}

class Reader {
  readonly operations = new Set<string>();

  query(query: SyntaxNode, outer?: Scope): Output[] {
    const scope = new Scope(outer);
    this.#ctes(query, scope);
    const { outputs, place } = this.#body(query['body'], scope);
    const [, terms] = variant(asNode(query['order_by'])['kind']);
    for (const term of asNodes(terms)) this.#add(orderOf(term, place));
    this.#limit(query['limit_clause'], place);
    return outputs;
  }

  #add(...operations: string[]): void {
    for (const operation of operations) this.operations.add(operation);
  }

  #ctes(query: SyntaxNode, scope: Scope): void {
    for (const { alias, query: body } of asNodes(asNode(query['with'])['cte_tables'])) {
      const { name, columns } = asNode(alias);
      const declared = asNodes(columns).map((column) => nameOf(column['name']));
      const known = nameOf(name);
      this.#add(`WITH_CTE(${scope.addCte(known)})`);
      // A recursive one reads its own columns by the names it declares.
      scope.describeCte(known, new Map(declared.map((column, i) => [column, `#${i + 1}`])));
      scope.describeCte(known, columnsOf(this.query(asNode(body), scope), declared));
    }
  }

  #place(scope: Scope): Place {
    const readSubquery = (query: SyntaxNode, kind: SubqueryKind): void => {
      this.#add(`ENTER_SUBQUERY(${kind})`);
      this.query(query, scope);
    };
    return { scope, readSubquery };
  }

  #body(body: unknown, outer: Scope): Block {
    const [kind, fields] = variant(body);
    const parts = asNode(fields);
    switch (kind) {
      case 'Select':
        return this.#select(parts, new Scope(outer));
      case 'Query': {
        const outputs = this.query(parts, outer);
        return { outputs, place: this.#place(outer) };
      }
      case 'SetOperation': {
        const all = parts['set_quantifier'] === 'All' ? '_ALL' : '';
        this.#add(`${String(parts['op']).toUpperCase()}${all}`);
        const left = this.#body(parts['left'], outer);
        this.#body(parts['right'], outer);
        return left;
      }
      case 'Values': {
        const place = this.#place(outer);
        for (const row of asNodes(parts['rows'])) {
          const cells = asNodes(row['content']).map((cell) => textOf(cell, place));
          this.#add(`VALUES(${cells.join(', ')})`);
        }
        return { outputs: [], place };
      }
      default:
        this.#add(kind.toUpperCase());
        return { outputs: [], place: this.#place(outer) };
    }
  }

  #select(select: SyntaxNode, scope: Scope): Block {
    for (const { relation, joins } of asNodes(select['from'])) this.#from(relation, joins, scope);
    const windows = new Map(
      asNodes(select['named_window']).map((named) => {
        const [name, spec] = named as unknown as [unknown, unknown];
        return [nameOf(name), spec];
      }),
    );
    const place: Place = { ...this.#place(scope), windows };
    if (select['distinct']) this.#add('DISTINCT');
    const outputs: Output[] = [];
    const aliases = new Map<string, string>();
    for (const item of asNodes(select['projection'])) {
      const [kind, fields] = variant(item);
      if (kind.endsWith('Wildcard')) {
        this.#add('SELECT_COL(*)');
        outputs.push({ name: undefined, text: '*' });
        continue;
      }
      const { expr, alias } = kind === 'ExprWithAlias' ? asNode(fields) : { expr: fields };
      const text = this.#output(expr, place);
      const name = alias === undefined ? columnName(expr) : nameOf(alias);
      outputs.push({ name, text });
      if (alias !== undefined) aliases.set(nameOf(alias), text);
    }
    const named: Place = { ...place, aliases };
    // SQLite takes a column before an alias everywhere but in ORDER BY: an alias that its own expression
    // uses is taken for the column.
    const safe: Place = {
      ...place,
      aliases: new Map([...aliases].filter(([name, text]) => !wordsOf(text).includes(name))),
    };
    this.#predicates('WHERE', select['selection'], safe);
    const [, groups] = variant(select['group_by']);
    const [expressions] = asNodes(groups);
    for (const expression of asNodes(expressions)) {
      this.#add(`GROUP_BY(${textOf(expression, safe)})`);
    }
    this.#predicates('HAVING', select['having'], safe);
    return { outputs, place: named };
  }

  /** Adds one term of SELECT; returns its text. */
  #output(expression: unknown, place: Place): string {
    const [kind, fields] = variant(unwrap(expression));
    const call = asNode(fields);
    const text = textOf(expression, place);
    if (kind === 'Function' && call['over']) {
      this.#add(`SELECT_WIN(${callOf(call, place)})`, `WINDOW(${windowOf(call['over'], place)})`);
    } else if (kind === 'Function' && isAggregate(call)) {
      const open = text.indexOf('(');
      const name = text.slice(0, open);
      this.#add(`SELECT_AGG(${name}, ${text.slice(open + 1, -1)})`);
    } else if (kind.endsWith('Identifier')) this.#add(`SELECT_COL(${text})`);
    else this.#add(`SELECT_EXPR(${text})`);
    return text;
  }

  #from(relation: unknown, joins: unknown, scope: Scope): void {
    const named = this.#table(relation, scope);
    if (named !== undefined) this.#add(`FROM(${named})`);
    for (const join of asNodes(joins)) {
      const [operator, constraint] = variant(join['join_operator']);
      const [how, detail] = variant(constraint);
      const side = operator.replace(/Join|Outer/g, '').toUpperCase() || 'INNER';
      const table = this.#table(join['relation'], scope);
      const natural = how === 'Natural' ? 'NATURAL ' : '';
      if (table !== undefined) this.#add(`JOIN(${table}, ${natural}${side})`);
      if (how === 'On') this.#predicates('ON', detail, { ...this.#place(scope), qualified: true });
      if (how === 'Using') {
        for (const column of asNodes(detail)) this.#add(`USING(${objectName(column)})`);
      }
    }
  }

  /** `singer AS T1`; undefined for joins in parentheses, which add themselves. */
  #table(relation: unknown, scope: Scope): string | undefined {
    const [kind, fields] = variant(relation);
    const parts = asNode(fields);
    const given = asNode(parts['alias']);
    const alias = given['name'] === undefined ? undefined : nameOf(given['name']);
    switch (kind) {
      case 'Table': {
        const name = objectName(parts['name']);
        const cte = asNodes(parts['name']).length === 1 ? scope.cte(name) : undefined;
        const canonical = scope.addTable(alias ?? name, cte?.columns);
        return `${cte?.canonical ?? name} AS ${canonical}`;
      }
      case 'Derived': {
        this.#add('ENTER_SUBQUERY(FROM)');
        const outputs = this.query(asNode(parts['subquery']), scope);
        return `SUBQUERY AS ${scope.addTable(alias ?? '', columnsOf(outputs))}`;
      }
      case 'NestedJoin': {
        const { relation: first, joins } = asNode(parts['table_with_joins']);
        this.#from(first, joins, scope);
        return undefined;
      }
      default:
        return `${kind.toUpperCase()} AS ${scope.addTable(alias ?? '')}`;
    }
  }

  #predicates(clause: 'WHERE' | 'HAVING' | 'ON', condition: unknown, place: Place): void {
    if (condition === undefined || condition === null) return;
    for (const conjunct of operands(condition, 'And')) {
      const simple = predicateOf(conjunct, place);
      if (simple === undefined) this.#add(`${clause}_PRED_TREE(${textOf(conjunct, place)})`);
      else if (clause === 'ON' && simple.startsWith('=, ')) {
        this.#add(`ON_EQ(${simple.slice(3)})`);
      } else this.#add(`${clause}_PRED(${simple})`);
    }
  }

  #limit(clause: unknown, place: Place): void {
    const [kind, fields] = variant(clause);
    const { limit, offset } = asNode(fields);
    const start = kind === 'OffsetCommaLimit' ? offset : asNode(offset)['value'];
    const number = (value: unknown): string =>
      textOf(value, place).replace(/^VALUE\((.*)\)$/, '$1');
    if (limit) this.#add(`LIMIT(${number(limit)})`);
    if (start) this.#add(`OFFSET(${number(start)})`);
  }
}

function columnName(expression: unknown): string | undefined {
  const [kind, fields] = variant(unwrap(expression));
  if (kind === 'Identifier') return nameOf(fields);
  return kind === 'CompoundIdentifier' ? nameOf(asNodes(fields).at(-1)) : undefined;
}

const wordsOf = (text: string): string[] => text.split(/[^\w\u0080-\uFFFF]+/);

/** min and max of several arguments are ordinary functions in SQLite. */
function isAggregate(call: SyntaxNode): boolean {
  const name = objectName(call['name']);
  const { args } = asNode(asNode(call['args'])['List']);
  const single = asNodes(args).length === 1 || name === 'group_concat';
  return AGGREGATES.has(name) && single && !call['filter'];
}

/** The operations of a query; empty for what is no query or cannot be read. Never throws. */
export function atomicOperations(sql: string, parser: SqlParser): ReadonlySet<string> {
  const [kind, query] = variant(parser.parse(sql) ?? '');
  if (kind !== 'Query') return new Set();
  const reader = new Reader();
  try {
    reader.query(asNode(query));
  } catch (error) {
    if (error instanceof RangeError) return new Set(); // nested too deeply for us
    throw error;
  }
  return reader.operations;
}
