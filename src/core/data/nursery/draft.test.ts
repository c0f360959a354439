import { describe, expect, it } from 'vitest';
import { Stream } from '../../random/stream.ts';
import { loadSql } from '../../sql/load.ts';
import { draft, partition, TEMPLATES } from './draft.ts';
import { NurseryEngine } from './engine.ts';
import { hardness, LEVELS } from './hardness.ts';
import { NEAR_MISS_KINDS, nearMiss, type NearMissKind } from './near-miss.ts';
import { renderSql } from './query.ts';
import { Scene } from './scene.ts';
import { schemas, trainSchemas, type Variant } from './schemas.ts';
import { sameAnswer } from './verify.ts';

const sql = await loadSql();
// Domains take turns of twelve, so eleven steps through all of them.
const sampled = (variants: Variant[]): Variant[] => variants.filter((_, i) => i % 11 === 0);
const templates = LEVELS.flatMap((level) => TEMPLATES[level]);

it('names every template once', () => {
  expect(new Set(templates.map(({ id }) => id)).size).toBe(templates.length);
});

it('gives every template the level Spider would, and clean wordings', () => {
  const stream = new Stream(1, 'test');
  const variants = [
    ...sampled(trainSchemas(0)),
    ...sampled(schemas(0, 'heldout_schemas')),
    ...sampled(schemas(0, 'heldout_names')),
  ];
  const fitted = new Set<string>();
  for (const variant of variants) {
    for (const { id, level, sketch } of templates) {
      const found = sketch(new Scene(variant, stream));
      if (!found) continue;
      fitted.add(id);
      expect([id, hardness(found.query)]).toEqual([id, level]);
      expect(found.wordings.length).toBeGreaterThanOrEqual(3);
      for (const wording of found.wordings) {
        expect(wording()).toMatch(/^[A-Z](?!.*( {2}|undefined|NaN|_| [,.?])).*[.?]$/);
      }
    }
  }
  expect(fitted.size).toBe(templates.length);
});

it('drafts at every level on every schema, the same each time, and SQL that runs', () => {
  const engine = new NurseryEngine(sql);
  for (const split of ['train', 'heldout_schemas', 'heldout_names'] as const) {
    for (const [i, variant] of schemas(2, split).entries()) {
      const drafts = LEVELS.map((level) => draft(variant, new Stream(0, 'test', i), level));
      expect(LEVELS.map((level) => draft(variant, new Stream(0, 'test', i), level))).toEqual(
        drafts,
      );
      if (i % 8 > 0) continue;
      engine.load(variant);
      for (const { query } of drafts) expect(engine.query(0, renderSql(query))).toBeDefined();
    }
  }
  engine.close();
});

it('draws the values of questions from the base rows', () => {
  const [variant] = trainSchemas(0);
  const { question, query } = draft(variant!, new Stream(5, 'test'), 'easy');
  for (const [value] of renderSql(query).matchAll(/'[^'%]+'/g)) {
    expect(question).toContain(value.slice(1, -1));
  }
});

it('parts questions into train, tuning and dev', () => {
  const stream = new Stream(0, 'test');
  const variants = trainSchemas(0);
  const parts = { train: 0, tuning: 0, dev: 0 };
  for (let i = 0; i < 2000; i++) parts[partition(draft(stream.pick(variants), stream).question)]++;
  expect(parts.train).toBeGreaterThan(1300);
  expect(parts.tuning).toBeGreaterThan(150);
  expect(parts.dev).toBeGreaterThan(150);
});

describe('near misses', () => {
  const stream = new Stream(0, 'near');
  const engine = new NurseryEngine(sql);
  const kinds = new Map<string, Set<NearMissKind>>();
  const tally = { all: 0, same: 0 };
  for (const variant of trainSchemas(0).filter((_, i) => i % 31 === 0)) {
    engine.load(variant);
    for (const template of templates) {
      const sketch = template.sketch(new Scene(variant, stream));
      if (!sketch) continue;
      const before = renderSql(sketch.query);
      const gold = engine.query(0, before)!;
      for (const kind of NEAR_MISS_KINDS) {
        const miss = nearMiss(sketch.query, variant, kind, stream);
        if (!miss) continue;
        const applied = kinds.get(template.id) ?? new Set();
        kinds.set(template.id, applied.add(kind));
        const rows = engine.query(0, renderSql(miss));
        if ((rows === undefined) !== (kind === 'name')) {
          throw new Error(`${kind}: ${before} became ${renderSql(miss)}`);
        }
        tally.all++;
        if (rows && sameAnswer(rows, gold, sketch.query)) tally.same++;
      }
      if (renderSql(sketch.query) !== before) throw new Error(`changed in place: ${before}`);
    }
  }
  engine.close();

  it('of at least three kinds exist for every template', () => {
    for (const { id } of templates) expect([id, kinds.get(id)!.size >= 3]).toEqual([id, true]);
  });

  it('nearly always change the answer, before any acceptance', () => {
    expect(tally.all).toBeGreaterThan(2000);
    expect(tally.same / tally.all).toBeLessThan(0.06);
  });
});
