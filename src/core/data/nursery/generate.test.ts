import { describe, expect, it } from 'vitest';
import { loadSql } from '../../sql/load.ts';
import { generateTasks, type NurserySplit } from './generate.ts';
import { LEVELS } from './hardness.ts';
import { splitProperties } from './properties.ts';
import { sameAnswer } from './verify.ts';

const sql = await loadSql();

describe.each(['train', 'dev', 'heldout_schemas', 'heldout_names'] as const)('%s', (split) => {
  it('has the properties issue 2 asks for', () => {
    const p = splitProperties({ seed: 4, split, count: 160, sql });
    expect(p.tasks).toBe(160);
    expect(p.minAnswerRows).toBeGreaterThanOrEqual(1);
    expect(p.maxAnswerRows).toBeLessThanOrEqual(20);
    expect(p.oneCellIntegers).toBeLessThanOrEqual(0.25);
    expect(p.commonestShare).toBeLessThanOrEqual(0.03);
    expect(p.mutantsKilled).toBeGreaterThanOrEqual(0.9);
    expect(p.nearMissEx - p.nearMissTs).toBeLessThanOrEqual(0.03);
    expect(p.nearMissEx).toBeLessThanOrEqual(0.05);
    for (const level of LEVELS) expect(p.levels[level]).toBeGreaterThan(0.08);
  });
});

it('gives equal tasks for equal options and others for another seed', () => {
  const make = (seed: number) => generateTasks({ seed, split: 'tuning', count: 20, sql }).tasks;
  expect(make(1)).toEqual(make(1));
  expect(make(2).map(({ question }) => question)).not.toEqual(make(1).map((t) => t.question));
});

it('shares no question between the splits over the training schemas', () => {
  const questions = (split: NurserySplit) =>
    generateTasks({ seed: 0, split, count: 120, sql }).tasks.map(({ question }) => question);
  const [train, tuning, dev] = [questions('train'), questions('tuning'), questions('dev')];
  expect(new Set([...train, ...tuning, ...dev]).size).toBe(
    new Set(train).size + new Set(tuning).size + new Set(dev).size,
  );
});

it('makes databases whose gold gives the answer, and other rows for test suites', async () => {
  const { tasks, databases } = generateTasks({ seed: 0, split: 'dev', count: 12, sql });
  for (const task of tasks) {
    const database = databases.get(task.db_id)!;
    const bytes = await database.bytes();
    expect(await database.bytes()).toEqual(bytes);
    expect(database.variants.length).toBe(4);
    expect(await database.variants[0]!()).not.toEqual(bytes);
    const db = new sql.Database(bytes);
    const rows = db.exec(task.gold![0]!)[0]!.values;
    const ordered = { select: [], from: '', joins: [] };
    expect(sameAnswer(rows, task.answer!, ordered)).toBe(true);
    expect(db.exec('PRAGMA foreign_key_check')).toEqual([]);
    db.close();
  }
});

it('turns the dials', () => {
  const options = { seed: 0, split: 'train', count: 30, sql } as const;
  const easy = generateTasks({
    ...options,
    schemaCount: 5,
    levels: { easy: 1, medium: 0, hard: 0, extra: 0 },
  });
  expect(easy.tasks.every(({ difficulty }) => difficulty === 'easy')).toBe(true);
  expect(easy.databases.size).toBeLessThanOrEqual(5);
});

it('refuses counts that make no sense', () => {
  expect(() => generateTasks({ seed: 0, split: 'dev', count: 0, sql })).toThrow(/count: got 0/);
  expect(() => generateTasks({ seed: 0, split: 'dev', schemaCount: 0.5, sql })).toThrow(
    /schemaCount: got 0.5/,
  );
});

it.each([7, 250])('tells how far it is, about a hundred times: %i tasks', (count) => {
  const told: number[] = [];
  const onProgress = (done: number, total: number): void => {
    expect(total).toBe(count);
    told.push(done);
  };
  const options = { seed: 0, split: 'train', count, sql } as const;
  const { tasks } = generateTasks({ ...options, onProgress });
  expect(told).toEqual(told.toSorted((a, b) => a - b));
  expect(told.at(-1)).toBe(count);
  expect(told.length).toBeGreaterThanOrEqual(Math.min(count, 80));
  expect(told.length).toBeLessThanOrEqual(101);
  expect(generateTasks(options).tasks).toEqual(tasks);
});
