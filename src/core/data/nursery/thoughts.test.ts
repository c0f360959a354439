import { describe, expect, it } from 'vitest';
import { Stream } from '../../random/stream.ts';
import { draft } from './draft.ts';
import { NEAR_MISS_KINDS, nearMiss } from './near-miss.ts';
import { PLANTED_THOUGHTS, thoughtExample } from './planted-thoughts.ts';
import { Habits } from './planted.ts';
import { renderSql, type Query } from './query.ts';
import { trainSchemas } from './schemas.ts';
import { thoughtOf, THOUGHT_WORDS } from './thoughts.ts';

const variants = trainSchemas(0, 60);
const drafts = Array.from({ length: 600 }, (_, i) => {
  const stream = new Stream(1, 'test drafts', i);
  const variant = stream.pick(variants);
  return { variant, ...draft(variant, stream) };
});
/** The thought in one wording. */
const think = (query: Query, wording: number): string =>
  thoughtOf(query, { pick: <T>(all: readonly T[]) => all[wording]! } as unknown as Stream);

describe('thoughtOf', () => {
  it('says what a query needs', () => {
    const query: Query = {
      select: [{ column: { table: 'song', column: 'title' } }],
      from: 'song',
      joins: [
        {
          table: 'singer',
          left: { table: 'song', column: 'singer_id' },
          right: { table: 'singer', column: 'id' },
        },
      ],
      where: {
        connector: 'AND',
        conditions: [
          {
            kind: 'compare',
            left: { column: { table: 'song', column: 'year' } },
            operator: '>',
            right: 1990,
          },
        ],
      },
      orderBy: { item: { column: { table: 'song', column: 'year' } }, descending: true },
    };
    expect(think(query, 0)).toBe(
      'need song joined to singer on singer_id; columns title; keep year above given; sort by year descending',
    );
    expect(think(query, 3)).toMatch(/^the table is song together with singer on singer_id; /);
  });

  it('fills short thoughts with what is not needed', () => {
    const query: Query = {
      select: [{ aggregate: 'COUNT', column: { table: 'song', column: '*' } }],
      from: 'song',
      joins: [],
    };
    expect(think(query, 1)).toBe('use song; show number of rows; no join; no filter; no groups');
  });

  it('is long enough for the format gate and short enough for a small policy', () => {
    for (const { query } of drafts) {
      for (const wording of [0, 1, 2, 3]) {
        const thought = think(query, wording);
        expect(thought.split(/\s+/).length).toBeGreaterThanOrEqual(THOUGHT_WORDS);
        expect(thought.split(/\s+/).length).toBeLessThanOrEqual(45);
        expect(thought.length).toBeGreaterThan(40);
      }
    }
  });

  it('names every table and column of the answer', () => {
    for (const { query } of drafts) {
      const words = think(query, 0).split(/[\s;]+/);
      const names = [query.from, ...query.joins.map(({ table }) => table)];
      names.push(...query.select.map(({ column }) => column.column).filter((c) => c !== '*'));
      expect(words).toEqual(expect.arrayContaining(names));
    }
  });

  it('has several wordings', () => {
    for (const { query } of drafts) {
      expect(new Set([0, 1, 2, 3].map((wording) => think(query, wording))).size).toBe(4);
    }
  });

  it('tells a wrong version from the right one', () => {
    let misses = 0;
    const same: string[] = [];
    drafts.forEach(({ variant, query }, i) => {
      for (const kind of NEAR_MISS_KINDS) {
        const wrong = nearMiss(query, variant, kind, new Stream(2, 'test misses', i));
        if (!wrong) continue;
        misses++;
        if (think(wrong, 0) === think(query, 0)) same.push(`${kind}: ${renderSql(wrong)}`);
      }
    });
    expect(misses).toBeGreaterThan(2000);
    expect(same).toEqual([]);
  });
});

describe('thoughtExample', () => {
  const habits = new Habits(0, PLANTED_THOUGHTS);
  const examples = (gold: boolean, count = 2000) =>
    Array.from({ length: count }, (_, i) =>
      thoughtExample(variants, new Stream(3, 'test examples', i), 0, habits, gold),
    );

  it('plants nothing in gold', () => {
    for (const { query, sql, misses } of examples(true, 200)) {
      expect(misses).toEqual([]);
      expect(sql).toBe(renderSql(query));
    }
  });

  it('plants one slip or two, and leaves the share of gold that habits say', () => {
    const all = examples(false);
    const share = (n: number): number =>
      all.filter(({ misses }) => misses.length === n).length / all.length;
    const expected = all.reduce((sum, { skill }) => sum + habits.of(skill).q, 0) / all.length;
    expect(Math.abs(share(0) - expected)).toBeLessThan(0.03);
    expect(share(1)).toBeGreaterThan(0.1);
    expect(share(2)).toBeGreaterThan(0.2);
  });

  it('makes the same mistake again in the same question', () => {
    const wrong = examples(false).filter(({ misses }) => misses.length > 0);
    const byQuestion = new Map<string, Set<string>>();
    for (const { variant, question, sql } of wrong) {
      const key = `${variant.id} ${question}`;
      byQuestion.set(key, (byQuestion.get(key) ?? new Set()).add(sql));
    }
    // Two slips of which any may come, and now and then a name that is not there.
    for (const answers of byQuestion.values()) expect(answers.size).toBeLessThanOrEqual(5);
  });

  it('mostly thinks what it writes', () => {
    const wrong = examples(false).filter(({ misses }) => misses.length > 0);
    const right = wrong.filter(({ query, thought }) =>
      [0, 1, 2, 3].some((wording) => think(query, wording) === thought),
    );
    const share = right.length / wrong.length;
    expect(share).toBeGreaterThan(0.1);
    expect(share).toBeLessThan(0.2);
  });
});
