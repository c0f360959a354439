import { describe, expect, it } from 'vitest';
import type { Step } from '../../../episode/episode.ts';
import { makeProtocol } from '../../../episode/index.ts';
import { callText } from '../../../episode/tools.ts';
import { openSandbox } from '../../../sql/engine.ts';
import { createDatabase } from '../../../sql/create.ts';
import { loadSql } from '../../../sql/load.ts';
import { spiderEqual } from '../../../sql/spider.ts';
import { ddl } from '../engine.ts';
import { baseRows } from '../rows.ts';
import { trainSchemas } from '../schemas.ts';
import { PAIRS } from './codes.ts';
import { ToolTraces } from './corpus.ts';
import { generateHiddenTasks } from './generate.ts';
import { WASTES } from './habits.ts';
import { disguisedRows, disguisedVariant, type Hiding } from './hide.ts';
import { CALL_SHARES } from './needs.ts';

const sql = await loadSql();
const options = { seed: 3, split: 'dev', count: 200, sql } as const;
const { tasks, databases } = generateHiddenTasks(options);
const protocol = makeProtocol('tools');
const CODES = new RegExp(`\\w+_(${PAIRS.join('|')})\\b|'(${PAIRS.join('|')})'`, 'g');
const codesIn = (text: string): string[] => text.match(CODES) ?? [];
const plain = (name: string): string => name.replace(/_[a-z]{2}$/, '');
const schemaOf = (db_id: string) => databases.get(db_id)!.schema;

describe('tasks of the hidden world', () => {
  it('need no, one, two and three calls in the shares asked for', () => {
    const counts = CALL_SHARES.map(
      (_, calls) => tasks.filter(({ needs }) => needs!.length === calls).length,
    );
    expect(counts).toEqual(CALL_SHARES.map((share) => share * 2));
  });

  it('have a database each, the same whenever it is made, named by nothing but a number', async () => {
    expect(new Set(tasks.map(({ db_id }) => db_id)).size).toBe(tasks.length);
    for (const { db_id } of tasks.slice(0, 5)) {
      expect(db_id).toMatch(/^hidden_dev_3_\d+$/);
      const { bytes } = databases.get(db_id)!;
      expect(await bytes()).toEqual(await bytes());
    }
    const again = generateHiddenTasks(options);
    expect(again.tasks).toEqual(tasks);
    const last = tasks.at(-1)!.db_id;
    expect(await again.databases.get(last)!.bytes()).toEqual(await databases.get(last)!.bytes());
  });

  it('have gold that gives the answer, and runs on the row variants', async () => {
    for (const { db_id, gold, answer } of tasks.slice(0, 60)) {
      const database = databases.get(db_id)!;
      const files = [database.bytes, database.variants[0]!];
      for (const [which, bytes] of files.entries()) {
        const sandbox = openSandbox(sql, await bytes());
        const { outcome, fullRows } = sandbox.run(gold![0]!);
        expect(outcome.kind).toBe('rows');
        if (which === 0) expect(spiderEqual(fullRows, answer!, false)).toBe(true);
        sandbox.close();
      }
    }
  });

  it('tell nothing of names and spellings in the prompt', () => {
    const coded = tasks.filter(({ gold }) => codesIn(gold![0]!).length > 0);
    expect(coded.length).toBeGreaterThanOrEqual(0.8 * tasks.length);
    for (const task of tasks) {
      const prompt = protocol.prompt(task, schemaOf(task.db_id), { style: 'compact' });
      expect(codesIn(prompt)).toEqual([]);
      expect(task.evidence).toBeUndefined();
    }
  });

  it('are told by the calls they need, and by no fewer', async () => {
    for (const task of tasks.slice(0, 80)) {
      const schema = schemaOf(task.db_id);
      const sandbox = openSandbox(sql, await databases.get(task.db_id)!.bytes());
      const told = task.needs!.map((call) => {
        const text = callText('', call);
        const turn = protocol.read(text, { task, schema, steps: [] });
        const outcome = turn.outcome ?? sandbox.run(turn.sql!).outcome;
        const step: Step = { ...turn, outcome, text, start: 0, end: 0 };
        return codesIn(protocol.observe({ task, schema, steps: [step] }, 4));
      });
      sandbox.close();
      const wanted = new Set(codesIn(task.gold![0]!));
      for (const sources of [told.flat(), codesIn(task.facts!)]) {
        expect([...wanted].filter((code) => !sources.includes(code))).toEqual([]);
      }
      told.forEach((codes) => {
        const others = new Set(told.filter((each) => each !== codes).flat());
        expect([...wanted].some((code) => codes.includes(code) && !others.has(code))).toBe(true);
      });
    }
  });

  it('cannot be told from another task about the same schema', () => {
    const shapes = new Map<string, Map<string, string>[]>();
    const few = generateHiddenTasks({ ...options, schemaCount: 12, count: 60 });
    for (const { schema } of few.databases.values()) {
      const { tables } = schema;
      const key = tables.map(({ name }) => name).join();
      const names = tables.flatMap(({ name, columns }) =>
        columns
          .filter(({ hidden }) => hidden)
          .map((column) => [`${name}.${plain(column.name)}`, column.name] as const),
      );
      shapes.set(key, [...(shapes.get(key) ?? []), new Map(names)]);
    }
    let both = 0;
    let same = 0;
    for (const members of shapes.values()) {
      members.forEach((one, i) => {
        for (const other of members.slice(i + 1)) {
          for (const [column, name] of one) {
            if (!other.has(column)) continue;
            both++;
            if (other.get(column) === name) same++;
          }
        }
      });
    }
    expect(both).toBeGreaterThan(50);
    expect(same / both).toBeLessThan(0.06); // 1 in 119 by chance
  });
});

describe('traces', () => {
  const variants = trainSchemas(0, 60);
  const traces = new ToolTraces(variants, { seed: 0 });
  const drawn = Array.from({ length: 1500 }, (_, i) => traces.trace(1, i, false));

  function fileOf(hiding: Hiding): Uint8Array {
    const rows = disguisedRows(hiding, baseRows(hiding.variant));
    const tables = hiding.variant.tables.map(({ name, index }) => ({
      ...{ table: name, rows: rows[index]! },
    }));
    return createDatabase(sql, ddl(disguisedVariant(hiding)), tables);
  }

  it('show what the protocol would have shown on the real database', () => {
    for (const { turns, task, schema, hiding } of drawn.slice(0, 150)) {
      const sandbox = openSandbox(sql, fileOf(hiding));
      const steps: Step[] = [];
      for (const { text, observation } of turns) {
        const turn = protocol.read(text, { task, schema, steps });
        const outcome = turn.outcome ?? sandbox.run(turn.sql!).outcome;
        steps.push({ ...turn, outcome, text, start: 0, end: 0 });
        const left = protocol.maxTurns - steps.length;
        if (turn.kind === 'answer') expect(observation).toBeUndefined();
        else expect(protocol.observe({ task, schema, steps }, left)).toBe(observation);
      }
      expect(steps.length).toBeLessThanOrEqual(protocol.maxTurns);
      expect(steps.at(-1)!.kind).toBe('answer');
      sandbox.close();
    }
  });

  it('waste calls in each way that is planned, and leave some needed ones out', () => {
    const calls = drawn.flatMap(({ plan }) => plan.calls);
    for (const kind of WASTES) {
      const share = calls.filter(({ waste }) => waste === kind).length / calls.length;
      expect(share).toBeGreaterThan(0.03);
      expect(share).toBeLessThan(0.18);
    }
    const made = calls.filter(({ waste }) => !waste).length;
    const read = drawn.filter(({ prompt }) => !prompt.includes('Evidence:'));
    const needed = read.reduce((sum, { task }) => sum + task.needs!.length, 0);
    expect(made / needed).toBeGreaterThan(0.5);
    expect(made / needed).toBeLessThan(0.9);
  });

  it('as they should be make the calls needed and answer with gold', () => {
    for (let i = 0; i < 100; i++) {
      const { plan, task, prompt } = traces.trace(1, i, true);
      const oracle = prompt.includes('Evidence:');
      expect(plan.calls.length).toBe(oracle ? 0 : task.needs!.length);
      expect(plan.sql).toBe(task.gold![0]);
    }
  });

  it('are the same whenever they are asked for', () => {
    expect(new ToolTraces(variants, { seed: 0 }).trace(1, 7, false)).toEqual(drawn[7]);
  });
});
