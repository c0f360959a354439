/** A Nursery task with some names hidden and some values spelt anew: its schema, rows, query and calls. */
import type { Stream } from '../../../random/stream.ts';
import type { Cell, Schema } from '../../task.ts';
import type { ColumnRef, Condition, Item, Query } from '../query.ts';
import type { Rows } from '../rows.ts';
import { reworded, toSchema, type NurseryColumn, type Variant } from '../schemas.ts';
import { Codes } from './codes.ts';
import { columnAt, isCodable, usesOf, type Needs } from './needs.ts';

/** Chances that what a task does not need is hidden or coded too, and that a table hides a column it may. */
const IDLE_HIDDEN = 0.12;
const IDLE_CODED = 0.3;
const NEEDED_HIDDEN = 0.35;

/** The disguise of one task. */
export interface Hiding {
  variant: Variant;
  /** Real names of hidden columns. */
  names: ReadonlyMap<NurseryColumn, string>;
  /** Stored spelling of each value of coded columns. */
  spellings: ReadonlyMap<NurseryColumn, ReadonlyMap<string, string>>;
  /** Calls the task needs: `describe <table>` before `lookup <table> <column> <value>`, keys as `callKey` has them. */
  needs: NeededCall[];
}

export interface NeededCall {
  key: string;
  tool: 'describe' | 'lookup';
  /** As a policy writes it after the tool's name. */
  args: string;
  /** What it is about: the column, and the value as the question has it. */
  column: NurseryColumn;
  value?: string;
}

function hiddenNames(
  query: Query,
  variant: Variant,
  { tables }: Needs,
  codes: Codes,
  stream: Stream,
): Map<NurseryColumn, string> {
  const used = usesOf(query, variant).map(({ column }) => column);
  const names = new Map<NurseryColumn, string>();
  for (const table of variant.tables) {
    const own = table.columns.filter(({ kind }) => kind !== 'key' && kind !== 'reference');
    const needed = stream.shuffle(own.filter((column) => used.includes(column)));
    const described = tables.includes(table);
    needed.forEach((column, i) => {
      if (described && (i === 0 || stream.chance(NEEDED_HIDDEN)))
        names.set(column, `${column.name}_${codes.next()}`);
    });
    for (const column of own) {
      if (!used.includes(column) && stream.chance(IDLE_HIDDEN))
        names.set(column, `${column.name}_${codes.next()}`);
    }
  }
  return names;
}

function spellings(
  query: Query,
  variant: Variant,
  rows: readonly Rows[],
  { columns }: Needs,
  codes: Codes,
  stream: Stream,
): Map<NurseryColumn, Map<string, string>> {
  const uses = new Map(usesOf(query, variant).map((use) => [use.column, use]));
  const spelt = new Map<NurseryColumn, Map<string, string>>();
  for (const column of variant.tables.flatMap((table) => table.columns)) {
    const use = uses.get(column);
    const free = use ? use.recodable && use.values.size === 0 : true;
    const idle = free && column.kind === 'category' && isCodable(column);
    if (!columns.includes(column) && !(idle && stream.chance(IDLE_CODED))) continue;
    const values = new Set(rows[column.table.index]!.map((row) => row[column.index] as string));
    spelt.set(column, new Map([...values].sort().map((value) => [value, codes.next()])));
  }
  return spelt;
}

/**
 * Draws a disguise under which the query needs exactly these calls. Everything random comes from `stream`,
 * which is the task's own.
 *
 * @param rows base rows of every table
 */
export function hide(
  query: Query,
  variant: Variant,
  rows: readonly Rows[],
  wanted: Needs,
  stream: Stream,
): Hiding {
  const codes = new Codes(stream);
  const names = hiddenNames(query, variant, wanted, codes, stream);
  const spelt = spellings(query, variant, rows, wanted, codes, stream);
  const uses = usesOf(query, variant);
  const describes = wanted.tables.map((table): NeededCall => {
    const column = uses.find((use) => use.column.table === table && names.has(use.column))!.column;
    const args = table.name;
    return { key: `describe ${args}`, tool: 'describe', args, column };
  });
  const lookups = uses
    .filter(({ column }) => wanted.columns.includes(column))
    .flatMap(({ column, values }) =>
      [...values].map((value): NeededCall => {
        const where = `${column.table.name} ${names.get(column) ?? column.name}`;
        const key = `lookup ${where} ${value.toLowerCase()}`;
        return { key, tool: 'lookup', args: `${where} ${value}`, column, value };
      }),
    );
  return { variant, names, spellings: spelt, needs: [...describes, ...lookups] };
}

/** The variant with the real names: for DDL. */
export function disguisedVariant({ variant, names }: Hiding): Variant {
  return reworded(variant, {
    column: (column) => ({ name: names.get(column) ?? column.name }),
  });
}

/** The schema as the protocol knows it: what is hidden, what it means, which values are codes. */
export function disguisedSchema(hiding: Hiding): Schema {
  const schema = toSchema(disguisedVariant(hiding));
  hiding.variant.tables.forEach((table, t) => {
    table.columns.forEach((column, c) => {
      const shown = schema.tables[t]!.columns[c]!;
      if (hiding.names.has(column))
        Object.assign(shown, { hidden: true, description: column.name });
      const spelt = hiding.spellings.get(column);
      if (spelt) shown.values = new Map([...spelt].map(([value, stored]) => [stored, value]));
    });
  });
  return schema;
}

/**
 * Rows with the stored spellings. Values that base rows lack keep their own: a row variant may have some.
 *
 * @param rows of every table of the variant
 */
export const disguisedRows = ({ variant, spellings }: Hiding, rows: readonly Rows[]): Rows[] =>
  variant.tables.map((table) => {
    const spelt = table.columns.map((column) => spellings.get(column));
    return rows[table.index]!.map((row) =>
      row.map((value, c) => spelt[c]?.get(value as string) ?? value),
    );
  });

/** A query on the plain variant, or a wrong one, as it has to be written under the disguise. */
export function disguisedQuery(hiding: Hiding, query: Query): Query {
  const { variant, names, spellings } = hiding;
  const ref = (plain: ColumnRef): ColumnRef => {
    const column = columnAt(variant, plain);
    return column ? { ...plain, column: names.get(column) ?? plain.column } : plain;
  };
  const item = (plain: Item): Item => ({ ...plain, column: ref(plain.column) });
  const spell = (plain: ColumnRef, value: string): string => {
    const column = columnAt(variant, plain);
    const own = column && spellings.get(column)?.get(value);
    if (own !== undefined) return own;
    // A near miss compares the value with another column: the spelling it found is the same.
    for (const spelt of spellings.values()) if (spelt.has(value)) return spelt.get(value)!;
    return value;
  };
  const condition = (c: Condition): Condition => {
    if (c.kind !== 'compare') return { ...c, column: ref(c.column) };
    const { left, right } = c;
    if (typeof right === 'object') {
      return { ...c, left: item(left), right: disguisedQuery(hiding, right) };
    }
    const value = typeof right === 'string' ? spell(left.column, right) : right;
    return { ...c, left: item(left), right: value };
  };
  const { select, joins, where, groupBy, having, orderBy } = query;
  return {
    ...query,
    select: select.map(item),
    joins: joins.map((join) => ({ ...join, left: ref(join.left), right: ref(join.right) })),
    ...(where && { where: { ...where, conditions: where.conditions.map(condition) } }),
    ...(groupBy && { groupBy: ref(groupBy) }),
    ...(having && { having: condition(having) }),
    ...(orderBy && { orderBy: { ...orderBy, item: item(orderBy.item) } }),
  };
}

/** The answer of the plain query in the stored spellings. */
export function disguisedAnswer(hiding: Hiding, query: Query, answer: readonly Cell[][]): Cell[][] {
  const spelt = query.select.map(({ column, aggregate }) => {
    const plain = aggregate === undefined ? columnAt(hiding.variant, column) : undefined;
    return plain && hiding.spellings.get(plain);
  });
  return answer.map((row) => row.map((cell, i) => spelt[i]?.get(cell as string) ?? cell));
}
