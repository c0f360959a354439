import { expect, it } from 'vitest';
import { loadSql } from '../../sql/load.ts';
import { DOMAINS } from './entities.ts';
import { ddl } from './engine.ts';
import { CONCEPTS, conceptById, DISPLAY_WORDS } from './lexicon.ts';
import { worldProperties } from './properties.ts';
import { baseRows, generateRows, ROW_VARIANTS } from './rows.ts';
import { schemas, toSchema, trainSchemas } from './schemas.ts';
import { unseenDomains } from './unseen.ts';

const sql = await loadSql();
const entities = DOMAINS.flatMap((domain) => domain.entities);

it('has the world that issue 2 asks for', () => {
  const world = worldProperties(0);
  expect(world.domains).toBeGreaterThanOrEqual(12);
  expect(world.entities).toBeGreaterThanOrEqual(24);
  expect(world.columnNames).toBeGreaterThanOrEqual(120);
  expect(world.fewestSynonyms).toBeGreaterThanOrEqual(4);
  expect(world.distinctTrainingSchemas).toBeGreaterThanOrEqual(300);
  expect(world.schemas.heldout_schemas).toBeGreaterThanOrEqual(60);
  expect(world.schemas.heldout_names).toBeGreaterThanOrEqual(60);
  expect(Object.values(world.templates).every((n) => n >= 15)).toBe(true);
  expect(world.fewestWordings).toBeGreaterThanOrEqual(3);
});

it.each([0, 1])('holds out sets of entities but no names (seed %i)', (seed) => {
  const world = worldProperties(seed);
  expect(world.heldOutSetsInTraining).toBe(0);
  expect(world.heldOutNamesNotInTraining).toBe(0);
  expect(world.unseenNamesInTraining).toBe(0);
});

it('gives no word two meanings', () => {
  const meaning = new Map<string, string>();
  const things = [
    ...CONCEPTS.map(({ id, words }) => ({ id, words })),
    ...Object.values(DISPLAY_WORDS).map(({ id, words }) => ({ id, words })),
    ...entities.map(({ id, words }) => ({ id: `entity ${id}`, words })),
  ];
  for (const { id, words } of things) {
    for (const word of words) {
      expect([word, meaning.get(word) ?? id]).toEqual([word, id]);
      meaning.set(word, id);
    }
  }
});

it('knows every concept its entities use, and uses every concept', () => {
  const used = new Set(entities.flatMap(({ columns }) => columns.map(({ concept }) => concept)));
  for (const id of used) expect(() => conceptById(id)).not.toThrow();
  expect(CONCEPTS.filter(({ id }) => !used.has(id))).toEqual([]);
  const { domains, concept } = unseenDomains();
  for (const { columns } of domains.flatMap((domain) => domain.entities)) {
    for (const column of columns) expect(() => concept(column.concept)).not.toThrow();
  }
});

it('uses no word that SQLite wants quoted', () => {
  const db = new sql.Database();
  const words = [...CONCEPTS, ...Object.values(DISPLAY_WORDS), ...entities].flatMap((t) => t.words);
  words.forEach((word) => db.run(`CREATE TABLE IF NOT EXISTS ${word} (a, ${word} TEXT)`));
  db.close();
});

it('makes compact schemas with keys that can be inferred', () => {
  const variants = trainSchemas(0);
  expect(trainSchemas(0).map(toSchema)).toEqual(variants.map(toSchema));
  for (const variant of [...variants, ...schemas(0, 'heldout_names')]) {
    expect(variant.tables.length).toBeGreaterThanOrEqual(2);
    expect(variant.tables.length).toBeLessThanOrEqual(5);
    for (const table of toSchema(variant).tables) {
      expect(table.columns.length).toBeGreaterThanOrEqual(3);
      expect(table.columns.length).toBeLessThanOrEqual(6);
      expect(new Set(table.columns.map(({ name }) => name)).size).toBe(table.columns.length);
      for (const { column, refTable } of table.foreignKeys) expect(column).toBe(`${refTable}_id`);
    }
  }
});

it('fills every table plausibly, the same each time', () => {
  for (const variant of trainSchemas(3).slice(0, 40)) {
    for (let which = 0; which < ROW_VARIANTS; which++) {
      const tables = generateRows(variant, which);
      expect(generateRows(variant, which)).toEqual(tables);
      for (const table of variant.tables) {
        const rows = tables[table.index]!;
        expect(rows.length).toBeGreaterThanOrEqual(8);
        expect(rows.length).toBeLessThanOrEqual(30);
        for (const column of table.columns) {
          const values = rows.map((row) => row[column.index]);
          expect(values).not.toContain(undefined);
          if (!column.nullable) expect(values).not.toContain(null);
        }
      }
      for (const { child, parent, column } of variant.links) {
        const keys = new Set(tables[parent.index]!.map((row) => row[parent.key.index]));
        const used = new Set(tables[child.index]!.map((row) => row[column.index]));
        for (const key of used) expect(keys).toContain(key);
        expect(used.size).toBeLessThan(keys.size);
      }
    }
    expect(baseRows(variant)).toEqual(generateRows(variant, 0));
  }
});

it('declares foreign keys', () => {
  const [variant] = trainSchemas(0);
  expect(ddl(variant!).join()).toMatch(/FOREIGN KEY \((\w+)_id\) REFERENCES \1\(/);
});
