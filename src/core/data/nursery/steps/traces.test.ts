import { describe, expect, it } from 'vitest';
import { makeProtocol } from '../../../episode/index.ts';
import { Stream } from '../../../random/stream.ts';
import { prefixSql, readCteStep } from '../../../sql/cte.ts';
import { loadSql, openSandbox } from '../../../sql/engine.ts';
import { toDatabase } from '../generate.ts';
import { partition } from '../draft.ts';
import { trainSchemas } from '../schemas.ts';
import { Traces } from './traces.ts';

const sql = await loadSql();
const protocol = makeProtocol('cocte', { max_turns: 6, observation_rows: 2 });
const variants = trainSchemas(2, 24);
const source = new Traces(2, sql, protocol);
const draw = (i: number, gold = false) =>
  source.draw(variants, new Stream(2, 'traces test', i), gold);

describe('without planted errors', () => {
  const traces = Array.from({ length: 60 }, (_, i) => draw(i, true));

  it('ends right and writes a plan, one step a turn', () => {
    for (const { right, slips, turns, plan, drafted } of traces) {
      expect(right).toBe(true);
      expect(slips).toEqual([]);
      expect(turns.length).toBe(plan.steps.length);
      expect(partition(drafted.question)).toBe('train');
      expect(turns.map(({ observation }) => observation === undefined)).toEqual(
        turns.map((_, i) => i === turns.length - 1),
      );
    }
  });

  it('shows what the sandbox returns', async () => {
    for (const { turns, variant } of traces.slice(0, 10)) {
      const box = openSandbox(sql, await toDatabase(variant, sql).bytes());
      const ctes = turns.slice(0, -1).flatMap(({ text }) => readCteStep(text).ctes);
      for (let n = 1; n <= ctes.length; n++) {
        const { outcome } = box.run(prefixSql(ctes.slice(0, n)));
        const step = { kind: 'cte', start: 0, end: 0, text: '', outcome } as const;
        const task = { id: '', db_id: '', question: '', split: 'train' };
        const after = { task, schema: { tables: [] }, steps: [step] };
        expect(protocol.observe(after, 3)).toBe(turns[n - 1]!.observation);
      }
      box.close();
    }
  });

  it('takes more than one way to the answers of a template', () => {
    const ways = new Map<string, Set<string>>();
    for (const { drafted, plan } of traces) {
      const template = drafted.skill.replace(/\/\d+$/, '');
      ways.set(template, (ways.get(template) ?? new Set()).add(plan.id));
    }
    expect([...ways.values()].filter((ids) => ids.size > 1).length).toBeGreaterThan(5);
  });
});

describe('with planted errors', () => {
  const traces = Array.from({ length: 400 }, (_, i) => draw(i));

  it('goes wrong only where an error was planted, and at least three in ten times before the end', () => {
    const wrong = traces.filter(({ right }) => !right);
    expect(wrong.length / traces.length).toBeGreaterThan(0.3);
    expect(wrong.length / traces.length).toBeLessThan(0.8);
    for (const { slips } of wrong) expect(slips.length).toBeGreaterThan(0);
    const early = wrong.filter(({ slips, plan }) => slips[0]!.at < plan.steps.length - 1);
    expect(early.length / wrong.length).toBeGreaterThan(0.3);
  });

  it('sometimes fails, is shown the error and tries again', () => {
    const failed = traces.filter(({ turns }) =>
      turns.some(({ observation }) => observation?.startsWith('<result>error: no such')),
    );
    expect(failed.length).toBeGreaterThan(5);
    expect(failed.some(({ right }) => right)).toBe(true);
    expect(failed.some(({ right }) => !right)).toBe(true);
    for (const { turns } of traces) expect(turns.length).toBeLessThanOrEqual(6);
  });

  it('is the same again', () => {
    const again = new Traces(2, sql, protocol).draw(
      variants,
      new Stream(2, 'traces test', 5),
      false,
    );
    expect(again.turns).toEqual(traces[5]!.turns);
    expect(source.prompt(again)).toMatch(/\nQuestion: .*\nSteps:\n$/);
  });
});
