/** Expressions as canonical texts: parts of the operations in operations.ts, where the vocabulary is. */
import type { Scope } from './operation-scope.ts';
import type { SyntaxNode } from './parser.ts';

/** Where an expression stands, and what becomes of the queries inside. */
export interface Place {
  scope: Scope;
  /** Columns are written with their table: in ON only. */
  qualified?: boolean;
  /** Output aliases that a bare name may mean. */
  aliases?: ReadonlyMap<string, string>;
  /** Windows of the SELECT by name. */
  windows?: ReadonlyMap<string, unknown>;
  /** Reads a query inside the expression, for its operations. */
  readSubquery(query: SyntaxNode, kind: SubqueryKind): void;
}

export type SubqueryKind = 'FROM' | 'SCALAR' | 'IN' | 'EXISTS';

export const asNode = (value: unknown): SyntaxNode => (value ?? {}) as SyntaxNode;
export const asNodes = (value: unknown): SyntaxNode[] => (Array.isArray(value) ? value : []);

/** An enum variant by name with its fields. */
export function variant(node: unknown): [name: string, fields: unknown] {
  if (typeof node === 'string') return [node, undefined];
  const [entry] = Object.entries(asNode(node));
  return entry ?? ['', undefined];
}

/** A name as SQLite compares names. */
export const nameOf = (ident: unknown): string => String(asNode(ident)['value']).toLowerCase();

/** Last part of `schema.table`. */
export function objectName(parts: unknown): string {
  const [, ident] = variant(asNodes(parts).at(-1));
  return nameOf(ident);
}

const COMPARISONS: Readonly<Record<string, string>> = {
  ...{ Eq: '=', NotEq: '<>', Lt: '<', LtEq: '<=', Gt: '>', GtEq: '>=' },
};
const FLIPPED: Readonly<Record<string, string>> = { '<': '>', '<=': '>=', '>': '<', '>=': '<=' };
const ARITHMETIC: Readonly<Record<string, string>> = {
  ...{ Plus: 'ADD', Minus: 'SUB', Multiply: 'MUL', Divide: 'DIV', Modulo: 'MOD' },
  StringConcat: 'CONCAT',
};

const list = (texts: readonly string[]): string => texts.join(', ');
const isValue = (text: string): boolean => text.startsWith('VALUE(') || text === 'SUBQUERY';

/** Without parentheses around it. */
export function unwrap(node: unknown): unknown {
  let inner = node;
  for (;;) {
    const [name, fields] = variant(inner);
    if (name !== 'Nested') return inner;
    inner = fields;
  }
}

/** Operands of a chain of the same operator, in any nesting. */
export function operands(node: unknown, operator: 'And' | 'Or'): unknown[] {
  const found: unknown[] = [];
  const waiting = [unwrap(node)];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [name, fields] = variant(next);
    const { op, left, right } = asNode(fields);
    if (name === 'BinaryOp' && op === operator) waiting.push(unwrap(right), unwrap(left));
    else found.push(next);
  }
  return found;
}

function literal(value: unknown): string {
  const [kind, content] = variant(value);
  if (kind === 'Number') {
    const digits = String((content as unknown[])[0]);
    const number = Number(digits);
    return `VALUE(${Number.isFinite(number) && Math.abs(number) < 1e15 ? number : digits})`;
  }
  if (typeof content === 'string') return `VALUE('${content}')`;
  return `VALUE(${content === undefined ? kind.toUpperCase() : String(content).toUpperCase()})`;
}

/** What is compared with: SQLite takes "…" for a string where no column has that name. */
function operand(node: unknown, place: Place): string {
  const [name, ident] = variant(unwrap(node));
  if (name === 'Identifier' && asNode(ident)['quote_style'] === '"' && !place.qualified) {
    return `VALUE('${String(asNode(ident)['value'])}')`;
  }
  return textOf(node, place);
}

/** `operator, left, right`, turned so that values stand on the right and `a > b` is `b < a`. */
function comparison(symbol: string, left: unknown, right: unknown, place: Place): string {
  const [a, b] = [textOf(left, place), operand(right, place)];
  const flips =
    isValue(a) !== isValue(b) ? isValue(a) : symbol.startsWith('>') || turns(symbol, a, b);
  return flips ? list([FLIPPED[symbol] ?? symbol, b, a]) : list([symbol, a, b]);
}

const turns = (symbol: string, a: string, b: string): boolean =>
  (symbol === '=' || symbol === '<>') && a > b;

const negatable = (name: string, fields: SyntaxNode): string =>
  fields['negated'] === true ? `NOT ${name}` : name;

/**
 * A predicate as `operator, operands`; undefined for what is none of the simple ones (OR, NOT, an expression).
 */
export function predicateOf(node: unknown, place: Place): string | undefined {
  const [name, fields] = variant(unwrap(node));
  const parts = asNode(fields);
  const text = (part: unknown): string => textOf(part, place);
  switch (name) {
    case 'BinaryOp': {
      const symbol = COMPARISONS[variant(parts['op'])[0]];
      return symbol && comparison(symbol, parts['left'], parts['right'], place);
    }
    case 'IsNull':
    case 'IsNotNull':
      return list([name === 'IsNull' ? 'IS NULL' : 'IS NOT NULL', text(fields)]);
    case 'Between': {
      const { expr, low, high } = parts;
      const bounds = [operand(low, place), operand(high, place)];
      return list([negatable('BETWEEN', parts), text(expr), ...bounds]);
    }
    case 'Like':
      return list([
        negatable('LIKE', parts),
        text(parts['expr']),
        operand(parts['pattern'], place),
      ]);
    case 'InList': {
      const values = asNodes(parts['list']).map((value) => operand(value, place));
      return list([negatable('IN', parts), text(parts['expr']), ...values.sort()]);
    }
    case 'InSubquery':
      place.readSubquery(asNode(parts['subquery']), 'IN');
      return list([negatable('IN', parts), text(parts['expr']), 'SUBQUERY']);
    case 'Exists':
      place.readSubquery(asNode(parts['subquery']), 'EXISTS');
      return list([negatable('EXISTS', parts), 'SUBQUERY']);
    default:
      return undefined;
  }
}

export function windowOf(over: unknown, place: Place): string {
  const [kind, fields] = variant(over);
  const spec =
    kind === 'NamedWindow' ? variant(place.windows?.get(nameOf(fields)))[1] : asNode(fields);
  const { partition_by: partition, order_by: order, window_frame: frame } = asNode(spec);
  return list([
    ...asNodes(partition).map((part) => `PARTITION_BY(${textOf(part, place)})`),
    ...asNodes(order).map((part) => orderOf(part, place)),
    ...(frame ? [`FRAME(${anyText(frame, place)})`] : []),
  ]);
}

/** One term of ORDER BY. */
export function orderOf(term: SyntaxNode, place: Place): string {
  const { asc, nulls_first: nulls } = asNode(term['options']);
  const direction = asc === false ? 'DESC' : 'ASC';
  const first = typeof nulls === 'boolean' ? [nulls ? 'NULLS FIRST' : 'NULLS LAST'] : [];
  return `ORDER_BY(${list([textOf(term['expr'], place), direction, ...first])})`;
}

/** `COUNT(DISTINCT name)`, without its window. */
export function callOf(call: SyntaxNode, place: Place): string {
  const { duplicate_treatment: distinct, args } = asNode(asNode(call['args'])['List']);
  const texts = asNodes(args).map((argument) => {
    const [, value] = variant(argument);
    const [kind, expression] = variant(value);
    return kind === 'Expr' ? textOf(expression, place) : '*';
  });
  const filter = call['filter'] ? ` FILTER(${textOf(call['filter'], place)})` : '';
  const all = `${distinct === 'Distinct' ? 'DISTINCT ' : ''}${list(texts)}`;
  return `${objectName(call['name']).toUpperCase()}(${all})${filter}`;
}

function columnText(parts: readonly unknown[], place: Place): string {
  const name = nameOf(parts.at(-1));
  const { scope, qualified = false, aliases } = place;
  if (parts.length === 1) return aliases?.get(name) ?? scope.column(name);
  const table = nameOf(parts.at(-2));
  const text = scope.column(name, table);
  return qualified ? `${scope.qualifier(table)}.${text}` : text;
}

/** Any expression. */
export function textOf(node: unknown, place: Place): string {
  const [name, fields] = variant(unwrap(node));
  const parts = asNode(fields);
  const predicate = predicateOf(node, place);
  if (predicate !== undefined) return `PRED(${predicate})`;
  switch (name) {
    case 'Identifier':
      return columnText([fields], place);
    case 'CompoundIdentifier':
      return columnText(asNodes(fields), place);
    case 'Value':
      return literal(parts['value']);
    case 'BinaryOp': {
      const [op] = variant(parts['op']);
      if (op === 'And' || op === 'Or') {
        const texts = operands(node, op).map((each) => textOf(each, place));
        return `${op.toUpperCase()}(${list(texts.sort())})`;
      }
      const both = [textOf(parts['left'], place), textOf(parts['right'], place)];
      return `${ARITHMETIC[op] ?? op.toUpperCase()}(${list(both)})`;
    }
    case 'UnaryOp': {
      const [op] = variant(parts['op']);
      const text = textOf(parts['expr'], place);
      if (op !== 'Minus') return `${op.toUpperCase()}(${text})`;
      return /^VALUE\(\d/.test(text) ? text.replace('(', '(-') : `NEG(${text})`;
    }
    case 'Function': {
      const over = parts['over'] ? ` OVER(${windowOf(parts['over'], place)})` : '';
      return callOf(parts, place) + over;
    }
    case 'Subquery':
      place.readSubquery(parts, 'SCALAR');
      return 'SUBQUERY';
    default:
      return `${name.toUpperCase()}(${anyText(fields, place)})`;
  }
}

/** What has no form of its own (CASE, CAST, COLLATE …): its parts, in the parser's order. */
function anyText(value: unknown, place: Place): string {
  if (value === null || value === undefined) return '';
  if (Array.isArray(value)) return list(value.map((item) => anyText(item, place)));
  if (typeof value !== 'object') return String(value).toLowerCase();
  if ('body' in value) {
    place.readSubquery(value as SyntaxNode, 'SCALAR');
    return 'SUBQUERY';
  }
  const entries = Object.entries(value);
  const [only] = entries;
  if (entries.length === 1 && only && /^[A-Z]/.test(only[0])) return textOf(value, place);
  if ('value' in value && 'quote_style' in value) return nameOf(value);
  return list(
    entries
      .filter(([key, part]) => !/^(span|kind)$|_token$/.test(key) && part !== false)
      .map(([, part]) => anyText(part, place))
      .filter((text) => text !== ''),
  );
}
