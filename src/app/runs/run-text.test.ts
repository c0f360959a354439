import { expect, it } from 'vitest';
import { presetRecipe } from '../../core/recipe/presets.ts';
import { ago, exText, progressText, storageText } from './run-text.ts';

const now = new Date(2026, 10, 21, 12, 0).getTime();
const minute = 60_000;

it.each([
  [-5 * minute, 'just now'],
  [30_000, 'just now'],
  [minute, '1 minute ago'],
  [119 * minute, '1 hour ago'],
  [25 * 60 * minute, 'yesterday'],
  [4 * 24 * 60 * minute, '4 days ago'],
  [30 * 24 * 60 * minute, '2026-10-22'],
])('%d ms ago is %j', (before, text) => {
  expect(ago(now - before, now)).toBe(text);
});

const run = {
  id: 'a',
  recipe: presetRecipe('grpo'),
  created: now,
  changed: now,
  done: 40,
  updates: 200,
  ex: null,
  fingerprint: null,
};

it('a run says how far it is and how good', () => {
  expect(progressText(run)).toBe('40 of 200 updates');
  expect(progressText({ ...run, done: 200 })).toBe('200 updates, finished');
  expect(exText(run)).toBe('');
  expect(exText({ ...run, ex: 0.6154 })).toBe('EX 61.5\u00a0%');
});

it('storage says whether it will stay', () => {
  expect(storageText({ used: 1_200_000, quota: 2e9, kept: true })).toBe(
    '1.2\u00a0MB of 2\u00a0GB used. The browser keeps it until you delete it.',
  );
  expect(storageText({ used: 0, quota: 2e9, kept: false })).toContain('may clear it');
});
