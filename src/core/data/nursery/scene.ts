/** What a template drafts with: one schema, its base rows, one stream of choices, and words. */
import type { Stream } from '../../random/stream.ts';
import type { ColumnRef, Comparison, Condition, Item, Query } from './query.ts';
import { planOf, type Plan as ColumnPlan, type Role } from './plan.ts';
import { baseRows, type Rows, type Value } from './rows.ts';
import type { Link, NurseryColumn, NurseryTable, Variant } from './schemas.ts';
import type { Plan } from './steps/chain.ts';
import { isPlural, plural, spaced, withArticle } from './words.ts';

const ABOVE = ['above', 'over', 'more than', 'greater than'];
const BELOW = ['below', 'under', 'less than', 'lower than'];
const AFTER = ['after', 'later than'];
const BEFORE = ['before', 'earlier than'];
const AT_LEAST = ['at least', 'no less than'];
const AT_MOST = ['at most', 'no more than'];

export interface Filtering {
  condition: Condition;
  /** `whose price is above 20` or `with price above 20`: follows a noun. */
  text: string;
}

export const ref = (column: NurseryColumn): ColumnRef => ({
  table: column.table.name,
  column: column.name,
});

export const item = (column: NurseryColumn): Item => ({ column: ref(column) });

export const countAll = (table: NurseryTable): Item => ({
  aggregate: 'COUNT',
  column: { table: table.name, column: '*' },
});

/** Shares that comparisons leave over: a few rows, or all but a few. */
export const FEW = [0.1, 0.35] as const;
export const NEARLY_ALL = [0.75, 0.9] as const;

export class Scene {
  readonly variant: Variant;
  readonly stream: Stream;
  readonly #plan: ColumnPlan;
  readonly #rows: Rows[];
  /** Filters are spoken alike throughout one question. */
  #whose: boolean | undefined;
  readonly #words = new Map<NurseryColumn | NurseryTable, string>();

  constructor(variant: Variant, stream: Stream) {
    this.variant = variant;
    this.stream = stream;
    this.#rows = baseRows(variant);
    this.#plan = planOf(variant);
  }

  /** A table with a column for every role, all different. */
  table(roles: readonly Role[]): NurseryTable | undefined {
    const found = this.#plan.tables(roles);
    return found.length > 0 ? this.stream.pick(found) : undefined;
  }

  link(child: readonly Role[], parent: readonly Role[]): Link | undefined {
    const found = this.#plan.links(child, parent);
    return found.length > 0 ? this.stream.pick(found) : undefined;
  }

  bridge(
    child: readonly Role[],
    first: readonly Role[],
    second: readonly Role[],
  ): [Link, Link] | undefined {
    const found = this.#plan.bridges(child, first, second);
    return found.length > 0 ? this.stream.pick(found) : undefined;
  }

  /** A different column for every role; the table is known to have them. */
  columns(table: NurseryTable, roles: readonly Role[]): NurseryColumn[] | undefined {
    for (let attempt = 0; attempt < 20; attempt++) {
      const chosen: NurseryColumn[] = [];
      for (const role of roles) {
        const column = this.stream.pick(this.#plan.columns(table, role));
        if (chosen.includes(column)) break;
        chosen.push(column);
      }
      if (chosen.length === roles.length) return chosen;
    }
    return undefined;
  }

  rows(table: NurseryTable): Rows {
    return this.#rows[table.index]!;
  }

  /** The word for a table or column, the same throughout one question. */
  #word(thing: NurseryColumn | NurseryTable): string {
    let word = this.#words.get(thing);
    if (word === undefined) this.#words.set(thing, (word = this.stream.pick(thing.words)));
    return word;
  }

  one(thing: NurseryColumn | NurseryTable): string {
    return spaced(this.#word(thing));
  }

  many(thing: NurseryColumn | NurseryTable): string {
    return spaced(plural(this.#word(thing)));
  }

  /** one() with `a` or `an`. */
  a(thing: NurseryColumn | NurseryTable): string {
    return withArticle(this.one(thing));
  }

  /** `is` or `are`, after one(column). */
  be(column: NurseryColumn): string {
    return isPlural(this.#word(column)) ? 'are' : 'is';
  }

  say(...choices: readonly string[]): string {
    return this.stream.pick(choices);
  }

  /** A random base row of a table. */
  row(table: NurseryTable): readonly Value[] {
    return this.stream.pick(this.rows(table));
  }

  /** The row a child row refers to. */
  parentRow(link: Link, child: readonly Value[]): readonly Value[] {
    return this.rows(link.parent)[(child[link.column.index] as number) - 1]!;
  }

  /** Different non-null values of a column, ascending. */
  values(column: NurseryColumn): Value[] {
    return this.#plan.sorted(column, this.rows(column.table));
  }

  /** How often each value of a column occurs among the base rows. */
  counts(column: NurseryColumn): Map<Value, number> {
    const counts = new Map<Value, number>();
    for (const row of this.rows(column.table)) {
      const value = row[column.index]!;
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    return counts;
  }

  /**
   * A bound from the rows that keeps `row` and leaves something out, undefined where there is none.
   * `keep`: shares of all values that the comparison may leave over, if `row` allows it.
   */
  bound(
    column: NurseryColumn,
    row: readonly Value[],
    operator: Comparison,
    keep: readonly [number, number] = [0.25, 0.75],
  ): Value | undefined {
    const values = this.values(column);
    const last = values.length - 1;
    const at = values.indexOf(row[column.index]!);
    const strict = operator === '>' || operator === '<' ? 1 : 0;
    const [least, most] = keep.map((share) => Math.trunc(share * last)) as [number, number];
    if (operator === '>' || operator === '>=') {
      const high = Math.min(at - strict, last - least);
      return high < 1
        ? undefined
        : values[this.stream.range(Math.min(Math.max(1, last - most), high), high)];
    }
    const low = Math.max(at + strict, least);
    return low >= last
      ? undefined
      : values[this.stream.range(low, Math.max(low, Math.min(last - 1, most)))];
  }

  /** A comparison with a given value. */
  compare(column: NurseryColumn, operator: Comparison, value: string | number): Filtering {
    const word = this.one(column);
    const temporal = column.kind !== 'number';
    const [phrases, plain] =
      operator === '>'
        ? [temporal ? AFTER : ABOVE, false]
        : operator === '<'
          ? [temporal ? BEFORE : BELOW, false]
          : operator === '>='
            ? [AT_LEAST, false]
            : operator === '<='
              ? [AT_MOST, false]
              : [[''], true];
    const phrase = plain ? `${value}` : `${this.stream.pick(phrases)} ${value}`;
    this.#whose ??= this.stream.chance(0.5);
    const text = this.#whose
      ? `whose ${word} ${this.be(column)} ${phrase}`
      : `with ${word} ${phrase}`;
    return {
      condition: { kind: 'compare', left: item(column), operator, right: value },
      text,
    };
  }

  /** column = the row's value. */
  equal(column: NurseryColumn, row: readonly Value[]): Filtering | undefined {
    const value = row[column.index]!;
    return value === null ? undefined : this.compare(column, '=', value);
  }

  /** A comparison of a number, year or date that keeps `row`. */
  threshold(
    column: NurseryColumn,
    row: readonly Value[],
    operators: readonly Comparison[] = ['>', '<'],
    keep?: readonly [number, number],
  ): Filtering | undefined {
    const operator = this.stream.pick(operators);
    const value = this.bound(column, row, operator, keep);
    return value === undefined || value === null
      ? undefined
      : this.compare(column, operator, value);
  }

  /** A condition of any suitable sort that keeps `row`. */
  filter(column: NurseryColumn, row: readonly Value[]): Filtering | undefined {
    return column.kind === 'category' || column.kind === 'name'
      ? this.equal(column, row)
      : this.threshold(column, row);
  }

  /** `with the highest price`, or an adjective before the noun: `most expensive song`. */
  superlative(noun: string, column: NurseryColumn, descending: boolean): string {
    const { adjectives, kind } = column;
    if (adjectives && this.variant.split !== 'heldout_names' && this.stream.chance(0.4)) {
      return `${adjectives[descending ? 0 : 1]} ${noun}`;
    }
    const temporal = kind !== 'number';
    const extreme = temporal
      ? descending
        ? 'latest'
        : 'earliest'
      : descending
        ? this.say('highest', 'largest')
        : this.say('lowest', 'smallest');
    return `${noun} with the ${extreme} ${this.one(column)}`;
  }

  alphabetical(column: NurseryColumn, descending: boolean): string {
    const word = this.one(column);
    return descending
      ? this.say(`in reverse alphabetical order of ${word}`, `sorted by ${word} from Z to A`)
      : this.say(`in alphabetical order of ${word}`, `sorted by ${word} from A to Z`);
  }

  /** `sorted by price from high to low`. */
  sorting(column: NurseryColumn, descending: boolean): string {
    const word = this.one(column);
    if (column.kind === 'name') return this.alphabetical(column, descending);
    const temporal = column.kind !== 'number';
    return descending
      ? this.say(
          `in descending order of ${word}`,
          `sorted by ${word} from ${temporal ? 'new to old' : 'high to low'}`,
          `ordered by ${word}, ${temporal ? 'latest' : 'highest'} first`,
        )
      : this.say(
          `in ascending order of ${word}`,
          `sorted by ${word} from ${temporal ? 'old to new' : 'low to high'}`,
          `ordered by ${word}, ${temporal ? 'earliest' : 'lowest'} first`,
        );
  }
}

/** A draft's query and its wordings; only the chosen wording is spoken. */
export interface Sketch {
  query: Query;
  wordings: readonly (() => string)[];
  /** Chains of CTEs that lead to the query's answer, where the template has them (steps/). */
  plans?: readonly (() => Plan)[];
}
