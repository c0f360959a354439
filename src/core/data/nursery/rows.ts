/** Plausible rows for a schema variant: the base rows (index 0) and the Test-Suite variants. */
import { Stream } from '../../random/stream.ts';
import { DISPLAY_NAMES, PEOPLE } from './lexicon.ts';
import type { NurseryColumn, NurseryTable, Variant } from './schemas.ts';

export type Value = string | number | null;
/** Rows of one table, in the order of its columns. */
export type Rows = readonly (readonly Value[])[];

export const ROW_VARIANTS = 5;

const pad = (n: number): string => (n < 10 ? `0${n}` : `${n}`);

function dates(column: NurseryColumn, count: number, stream: Stream): string[] {
  const [low, high] = column.range;
  const seen = new Set<string>();
  while (seen.size < count) {
    seen.add(`${stream.range(low, high)}-${pad(stream.range(1, 12))}-${pad(stream.range(1, 28))}`);
  }
  return [...seen];
}

/** Different values, so that superlatives and orders have no ties. */
function numbers(column: NurseryColumn, count: number, stream: Stream): number[] {
  const [low, high] = column.range;
  const seen = new Set<number>();
  while (seen.size < count) seen.add(stream.range(low, high));
  return [...seen].map((n) => (column.tenths ? n / 10 : n));
}

const phone = (stream: Stream): string => `555-${stream.range(1000, 9999)}`;

/** Names and categories a database draws from, the same in all its row variants. */
class Pools {
  readonly #variant: Variant;
  readonly #index: number;
  readonly #known = new Map<NurseryColumn, readonly string[]>();

  constructor(variant: Variant, index: number) {
    this.#variant = variant;
    this.#index = index;
  }

  of(column: NurseryColumn): readonly string[] {
    const known = this.#known.get(column);
    if (known) return known;
    const { table, kind } = column;
    const stream = new Stream(
      this.#variant.seed,
      `nursery pools ${this.#variant.split}`,
      this.#index,
      table.index,
      column.index,
    );
    const pool =
      kind === 'name'
        ? stream.sample(DISPLAY_NAMES[table.names!], 32)
        : column.values.length > 8
          ? stream.sample(column.values, 6)
          : stream.sample(column.values, 5);
    this.#known.set(column, pool);
    return pool;
  }
}

/**
 * `parts` counts of at least `floor` that sum to `total`, ascending: the `apart` largest all differ,
 * and what is left goes to the very largest, so that `most` and `fewest` have no ties.
 */
function unequal(parts: number, total: number, floor: number, apart: number): number[] {
  const counts = Array.from({ length: parts }, () => floor);
  let left = total - parts * floor;
  let steps = Math.min(apart, parts - 1);
  while ((steps * (steps + 1)) / 2 > left) steps--;
  for (let step = 1; step <= steps; step++) {
    counts[parts - 1 - steps + step]! += step;
    left -= step;
  }
  const [second, third] = [Math.floor(left / 3), parts > 2 ? Math.floor(left / 5) : 0];
  counts[parts - 1]! += left - second - third;
  counts[parts - 2]! += second;
  if (third > 0) counts[parts - 3]! += third;
  return counts;
}

const repeat = <T>(items: readonly T[], counts: readonly number[]): T[] =>
  items.flatMap((item, i) => Array.from({ length: counts[i]! }, () => item));

function categories(pool: readonly string[], count: number, stream: Stream): string[] {
  let kinds = pool.length;
  while (kinds > 2 && kinds * 2 + (kinds * (kinds - 1)) / 2 > count) kinds--;
  const chosen = stream.sample(pool, kinds);
  return stream.shuffle(repeat(chosen, unequal(kinds, count, 2, kinds - 1)));
}

function columnValues(column: NurseryColumn, count: number, pools: Pools, stream: Stream): Value[] {
  switch (column.kind) {
    case 'key':
      return Array.from({ length: count }, (_, i) => i + 1);
    case 'name':
      return stream.sample(pools.of(column), count);
    case 'category':
      return categories(pools.of(column), count, stream);
    case 'number':
    case 'year':
      return numbers(column, count, stream);
    case 'date':
      return dates(column, count, stream);
    case 'text':
      if (column.concept === 'phone') return Array.from({ length: count }, () => phone(stream));
      if (column.values.length > 0) return categories(pools.of(column), count, stream);
      return stream.sample(PEOPLE, count);
    case 'reference':
      throw new RangeError('references are drawn from the parent');
  }
}

/** Parent keys for the children: some parents without any, the others unequally often. */
function references(parents: number, count: number, stream: Stream): number[] {
  const idle = stream.range(Math.ceil(parents / 5), Math.floor(parents / 3));
  const keys = stream
    .shuffle(Array.from({ length: parents }, (_, i) => i + 1))
    .slice(0, Math.min(parents - idle, Math.floor((2 * count) / 3)));
  return stream.shuffle(repeat(keys, unequal(keys.length, count, 1, 3)));
}

function rowCount(variant: Variant, table: NurseryTable, stream: Stream): number {
  const parents = variant.links.filter(({ child }) => child === table).length;
  if (parents === 0) return stream.range(9, 14);
  return parents === 1 ? stream.range(14, 22) : stream.range(18, 28);
}

/** Rows of every table of a variant; `which` 0 is the base, 1 to 4 the Test-Suite variants. */
export function generateRows(variant: Variant, which: number): Rows[] {
  const index = Number(variant.id.slice(variant.id.lastIndexOf('_') + 1));
  const pools = new Pools(variant, index);
  const tables: Rows[] = [];
  for (const table of variant.tables) {
    const stream = new Stream(
      variant.seed,
      `nursery rows ${variant.split}`,
      index,
      which,
      table.index,
    );
    const count = rowCount(variant, table, stream);
    const columns = table.columns.map((column) => {
      if (column.kind === 'reference') {
        const link = variant.links.find((l) => l.column === column)!;
        return references(tables[link.parent.index]!.length, count, stream);
      }
      const values = columnValues(column, count, pools, stream);
      return column.nullable ? values.map((v) => (stream.chance(0.3) ? null : v)) : values;
    });
    tables.push(Array.from({ length: count }, (_, i) => columns.map((column) => column[i]!)));
  }
  return tables;
}

const base = new WeakMap<Variant, Rows[]>();

/** The base rows, made once per variant. */
export function baseRows(variant: Variant): Rows[] {
  let rows = base.get(variant);
  if (rows === undefined) base.set(variant, (rows = generateRows(variant, 0)));
  return rows;
}
