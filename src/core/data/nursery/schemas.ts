/**
 * Schema variants: which tables of a domain, which columns, and one word for each concept. Held-out
 * schemas use sets of entities that no training schema has; every single name occurs in training.
 */
import type { Schema } from '../task.ts';
import { Stream } from '../../random/stream.ts';
import { DOMAINS, type Domain, type Entity, type Relation } from './entities.ts';
import { conceptById, DISPLAY_WORDS, type Concept, type Kind, type NameStyle } from './lexicon.ts';
import { unseenDomains } from './unseen.ts';

export interface NurseryColumn {
  name: string;
  /** Words a question may use for it. */
  words: readonly string[];
  kind: Kind | 'key' | 'reference';
  concept: string;
  nullable: boolean;
  values: readonly string[];
  range: readonly [number, number];
  tenths: boolean;
  adjectives: readonly [string, string] | undefined;
  table: NurseryTable;
  /** Position in the table and in its rows. */
  index: number;
}

export interface NurseryTable {
  name: string;
  words: readonly string[];
  entity: string;
  names: NameStyle | undefined;
  key: NurseryColumn;
  columns: NurseryColumn[];
  index: number;
}

/** A foreign key: `column` of the child refers to the parent's key. */
export interface Link {
  child: NurseryTable;
  parent: NurseryTable;
  column: NurseryColumn;
  preposition: string;
}

export type SchemaSplit = 'train' | 'heldout_schemas' | 'heldout_names';

export interface Variant {
  /** db_id. */
  id: string;
  seed: number;
  split: SchemaSplit;
  domain: string;
  /** Parents before children. */
  tables: NurseryTable[];
  links: Link[];
}

/** How many schemas a split has. */
export const SCHEMA_COUNTS: Record<SchemaSplit, number> = {
  train: 360,
  heldout_schemas: 80,
  heldout_names: 64,
};

const TABLE_WEIGHTS = [0, 0, 28, 40, 22, 30]; // by number of tables
const HELD_OUT_SHARE = 5; // one entity set in five

/** Connected sets of 2 to 5 entities, as sorted index lists. */
function entitySets(domain: Domain): number[][] {
  const position = new Map(domain.entities.map((entity, i) => [entity.id, i]));
  const edges = domain.relations.map(
    ({ child, parent }) => [position.get(child)!, position.get(parent)!] as const,
  );
  const sets: number[][] = [];
  for (let mask = 1; mask < 1 << domain.entities.length; mask++) {
    const members = domain.entities.map((_, i) => i).filter((i) => mask & (1 << i));
    if (members.length < 2 || members.length > 5) continue;
    let reached = 1 << members[0]!;
    for (let round = 0; round < members.length; round++) {
      for (const [a, b] of edges) {
        if (!(mask & (1 << a)) || !(mask & (1 << b))) continue;
        if (reached & ((1 << a) | (1 << b))) reached |= (1 << a) | (1 << b);
      }
    }
    if (reached === mask) sets.push(members);
  }
  return sets;
}

/** Deals out words so that all are used equally often. */
class WordDealer {
  readonly #stream: Stream;
  readonly #hands = new Map<string, string[]>();
  readonly #allowed: ReadonlySet<string> | undefined;

  /** With `allowed`, only words that are in it wherever there are some. */
  constructor(stream: Stream, allowed?: ReadonlySet<string>) {
    this.#stream = stream;
    this.#allowed = allowed;
  }

  deal(id: string, words: readonly string[]): string {
    let hand = this.#hands.get(id) ?? [];
    if (hand.length === 0) {
      const known = words.filter((each) => this.#allowed?.has(each) ?? true);
      hand = this.#stream.shuffle(known.length > 0 ? known : words);
    }
    const word = hand.pop()!;
    this.#hands.set(id, hand);
    return word;
  }
}

const UNUSED = {
  values: [],
  range: [0, 0] as const,
  tenths: false,
  adjectives: undefined,
  nullable: false,
};

function addColumn(
  table: NurseryTable,
  name: string,
  concept: Concept,
  over: Partial<NurseryColumn> = {},
): void {
  const { id, kind, words, values, range, tenths, adjectives } = concept;
  table.columns.push({
    name,
    words,
    kind,
    concept: id,
    nullable: false,
    values,
    range,
    tenths,
    adjectives,
    table,
    index: table.columns.length,
    ...over,
  });
}

function addKey(table: NurseryTable, name: string, kind: 'key' | 'reference'): NurseryColumn {
  const column: NurseryColumn = {
    ...UNUSED,
    name,
    words: [name],
    kind,
    concept: kind,
    table,
    index: table.columns.length,
  };
  table.columns.push(column);
  return column;
}

/** Parents before children. */
function inOrder(entities: readonly Entity[], relations: readonly Relation[]): Entity[] {
  const done: Entity[] = [];
  const left = [...entities];
  while (left.length > 0) {
    const ready = left.findIndex((entity) =>
      relations.every(
        ({ child, parent }) => child !== entity.id || !left.some(({ id }) => id === parent),
      ),
    );
    done.push(...left.splice(Math.max(ready, 0), 1));
  }
  return done;
}

function displaySort(style: NameStyle): keyof typeof DISPLAY_WORDS {
  if (style === 'person' || style === 'animal') return 'person';
  return style === 'title' || style === 'course' ? 'work' : 'thing';
}

interface Build {
  id: string;
  seed: number;
  split: SchemaSplit;
  domain: Domain;
  members: readonly number[];
  stream: Stream;
  dealer: WordDealer;
  concept: (id: string) => Concept;
}

function build({ id, seed, split, domain, members, stream, dealer, concept }: Build): Variant {
  const entities = members.map((i) => domain.entities[i]!);
  const inside = (name: string): boolean => entities.some((entity) => entity.id === name);
  const relations = domain.relations.filter((r) => inside(r.child) && inside(r.parent));
  const tableKeys = stream.chance(0.25);
  // One word per concept and database: a second column of the same concept has the same name.
  const chosen = new Map<string, string>();
  const nameOf = (c: Concept, key: string): string => {
    const known = chosen.get(key);
    if (known !== undefined) return known;
    const word = dealer.deal(key, c.words);
    chosen.set(key, word);
    return word;
  };
  const tables: NurseryTable[] = [];
  const links: Link[] = [];
  for (const entity of inOrder(entities, relations)) {
    const name = dealer.deal(`entity ${entity.id}`, entity.words);
    const table: NurseryTable = {
      name,
      words: entity.words,
      entity: entity.id,
      names: entity.names,
      columns: [],
      index: tables.length,
      key: undefined as unknown as NurseryColumn,
    };
    table.key = addKey(table, tableKeys ? `${name}_id` : 'id', 'key');
    const parents = relations.filter(({ child }) => child === entity.id);
    if (entity.names !== undefined) {
      const sort = displaySort(entity.names);
      const naming = split === 'heldout_names' ? concept('name') : DISPLAY_WORDS[sort];
      addColumn(table, nameOf(naming, `${sort} name`), naming);
    }
    const room = 6 - table.columns.length - parents.length;
    const wanted = Math.max(
      entity.names === undefined ? 2 : 1,
      Math.min(room, 2 + stream.weighted([2, 4, 3])),
    );
    const picked = stream.sample(entity.columns, wanted);
    // Two columns at least must be of use to questions: a measure and something to group by.
    const kinds = picked.map((column) => concept(column.concept).kind);
    if (!kinds.includes('number')) {
      const spare = entity.columns.filter((column) => concept(column.concept).kind === 'number');
      if (spare.length > 0) picked[0] = stream.pick(spare);
    }
    for (const { concept: conceptId, nullable, values, range } of picked) {
      const c = concept(conceptId);
      addColumn(table, nameOf(c, c.id), c, {
        nullable,
        ...(values && { values }),
        ...(range && { range }),
      });
    }
    for (const relation of parents) {
      const parent = tables.find((other) => other.entity === relation.parent)!;
      const column = addKey(table, `${parent.name}_id`, 'reference');
      links.push({ child: table, parent, column, preposition: relation.preposition });
    }
    tables.push(table);
  }
  return { id, seed, split, domain: domain.id, tables, links };
}

function entitySetsOf(split: SchemaSplit, domain: Domain): number[][] {
  const sets = entitySets(domain);
  if (split === 'heldout_names') return sets;
  // The sets are few and listed in a fixed order, so the same ones are held out for every seed.
  const heldOut = (i: number): boolean => i % HELD_OUT_SHARE === HELD_OUT_SHARE - 2;
  return sets.filter((_, i) => heldOut(i) === (split === 'heldout_schemas'));
}

/** Names of tables and of columns other than keys. */
export const namesOf = ({ tables }: Variant): string[] =>
  tables.flatMap(({ name, columns }) => [
    name,
    ...columns.filter(({ kind }) => kind !== 'key' && kind !== 'reference').map((c) => c.name),
  ]);

/** The schemas of a split; equal arguments give equal schemas. */
export function schemas(seed: number, split: SchemaSplit, count = SCHEMA_COUNTS[split]): Variant[] {
  const known =
    split === 'heldout_schemas' ? new Set(schemas(seed, 'train').flatMap(namesOf)) : undefined;
  const dealer = new WordDealer(new Stream(seed, `nursery words ${split}`), known);
  const unseen = split === 'heldout_names' ? unseenDomains() : undefined;
  const domains = unseen?.domains ?? DOMAINS;
  const concept = unseen?.concept ?? conceptById;
  const variants: Variant[] = [];
  for (let i = 0; i < count; i++) {
    const stream = new Stream(seed, `nursery schema ${split}`, i);
    const domain = domains[i % domains.length]!;
    const sets = entitySetsOf(split, domain);
    const size = [2, 3, 4, 5].filter((n) => sets.some((set) => set.length === n));
    const n = size[stream.weighted(size.map((k) => TABLE_WEIGHTS[k]!))]!;
    const members = stream.pick(sets.filter((set) => set.length === n));
    const id = `${split}_${domain.id}_${i}`;
    variants.push(build({ id, seed, split, domain, members, stream, dealer, concept }));
  }
  return variants;
}

/** The schemas that training, tuning and dev tasks are about. */
export const trainSchemas = (seed: number, count?: number): Variant[] =>
  schemas(seed, 'train', count);

const sqlType = ({ kind, tenths }: NurseryColumn): string =>
  kind === 'number' && tenths
    ? 'REAL'
    : kind === 'number' || kind === 'year' || kind === 'key' || kind === 'reference'
      ? 'INTEGER'
      : 'TEXT';

/** A copy whose tables and columns differ in what `table` and `column` say of the originals. */
export function reworded(
  variant: Variant,
  change: {
    table?: (table: NurseryTable) => Partial<NurseryTable>;
    column: (column: NurseryColumn) => Partial<NurseryColumn>;
  },
): Variant {
  const tables = variant.tables.map((table) => {
    const copy = { ...table, ...change.table?.(table) };
    copy.columns = table.columns.map((column) => ({
      ...column,
      ...change.column(column),
      table: copy,
    }));
    copy.key = copy.columns[table.key.index]!;
    return copy;
  });
  const links = variant.links.map((link) => ({
    ...link,
    child: tables[link.child.index]!,
    parent: tables[link.parent.index]!,
    column: tables[link.child.index]!.columns[link.column.index]!,
  }));
  return { ...variant, tables, links };
}

/** A variant as the Task record's schema. */
export function toSchema({ tables, links }: Variant): Schema {
  return {
    tables: tables.map((table) => ({
      name: table.name,
      columns: table.columns.map((column) => ({
        name: column.name,
        type: sqlType(column),
        primaryKey: column.kind === 'key',
      })),
      foreignKeys: links
        .filter(({ child }) => child === table)
        .map(({ column, parent }) => ({
          column: column.name,
          refTable: parent.name,
          refColumn: parent.key.name,
        })),
    })),
  };
}
