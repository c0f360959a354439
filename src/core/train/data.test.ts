import { expect, it } from 'vitest';
import { parseRecipe } from '../recipe/parse.ts';
import { loadSql } from '../sql/load.ts';
import { nurseryData, nurserySplit } from './data.ts';

const sql = await loadSql();
const data = { kind: 'nursery', train_tasks: 40, train_schemas: 12 };
const recipe = parseRecipe({ method: 'sft', data });

it('makes the splits of a recipe, progress being of all of them', () => {
  const told: [number, number][] = [];
  const made = nurseryData(recipe, ['tuning', 'train'], sql, (...args) => told.push(args));
  expect([...made.data.splits].map(([split, tasks]) => [split, tasks.length])).toEqual([
    ['train', 40],
    ['tuning', 300],
  ]);
  expect(new Set(told.map(([, total]) => total))).toEqual(new Set([340]));
  expect(told.map(([done]) => done)).toEqual(told.map(([done]) => done).toSorted((a, b) => a - b));
  expect(told.at(-1)).toEqual([340, 340]);
  expect(made.data.splits.get('tuning')).toEqual(nurserySplit(recipe, 'tuning', sql).tasks);
});

it('refuses data that are not what the recipe was made with', () => {
  const pinned = parseRecipe({ method: 'sft', data: { ...data, sha256: '0'.repeat(64) } });
  expect(() => nurseryData(pinned, [], sql)).toThrow(/^data\.sha256: got/);
});
