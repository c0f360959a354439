import { describe, expect, it } from 'vitest';
import { loadSql } from '../../sql/engine.ts';
import { relaxedScores } from '../../sql/compare.ts';
import { Stream } from '../../random/stream.ts';
import { draft } from './draft.ts';
import { toDatabase } from './generate.ts';
import { broader, overBroadExample } from './over-broad.ts';
import { Habits } from './planted.ts';
import { renderSql, type Query } from './query.ts';
import { trainSchemas } from './schemas.ts';

const SQL = await loadSql();
const variants = trainSchemas(0, 24);

describe('broader', () => {
  it('returns the answer, and as a rule more', async () => {
    let wider = 0;
    let equal = 0;
    for (const [v, variant] of variants.entries()) {
      const db = new SQL.Database(await toDatabase(variant, SQL).bytes());
      for (let i = 0; i < 20; i++) {
        const { query } = draft(variant, new Stream(1, 'test broader', v, i));
        const broad = broader(query);
        if (!broad) continue;
        const rows = (q: Query) => db.exec(renderSql(q))[0]?.values ?? [];
        if (rows(query).length === 0) continue;
        const { recall, exact } = relaxedScores(rows(broad), rows(query));
        expect(recall, renderSql(query)).toBe(1);
        if (exact) equal++;
        else wider++;
      }
      db.close();
    }
    expect(wider).toBeGreaterThan(100);
    expect(equal).toBeLessThan(wider / 5);
  });

  it('has nothing to widen in a count, whose number would change', () => {
    const count = {
      select: [{ aggregate: 'COUNT' as const, column: { table: 'song', column: '*' } }],
      ...{ from: 'song', joins: [], limit: 1 },
    };
    expect(broader(count)).toBeUndefined();
  });
});

describe('overBroadExample', () => {
  it('is rarely right and often over-broad', () => {
    const habits = new Habits(0);
    const examples = Array.from({ length: 1000 }, (_, i) =>
      overBroadExample(variants, new Stream(2, 'test over-broad', i), 0, habits),
    );
    const share = (holds: (miss: string | undefined) => boolean): number =>
      examples.filter(({ miss }) => holds(miss)).length / examples.length;
    expect(share((miss) => miss === undefined)).toBeLessThan(0.06);
    expect(share((miss) => miss === 'broad')).toBeGreaterThan(0.1);
    expect(share((miss) => miss === 'broad')).toBeLessThan(0.2);
  });
});
