import { beforeEach, expect, test } from 'vitest';
import type { PolicyEvent } from '../../workers/protocol.ts';
import { presetRecipe } from '../core/recipe/presets.ts';
import { RunView } from './run-view.svelte.ts';

const recipe = presetRecipe('execution');

const start = (done: number): PolicyEvent => ({
  ...{ type: 'start', run: 'abc', recipe, updates: 10, done },
  ...{ tasks: 40, left_out: 2, unanswerable: 0 },
  metrics: done > 0 ? [{ step: done, reward: 0.5 }] : [],
  episodes: done > 0 ? [{ step: done - 1 }, { step: done, text: 'SELECT 1' }] : [],
  digests: Array<string>(done).fill('d'),
});

const update = (n: number): PolicyEvent => ({
  ...{ type: 'update', update: n, metrics: { reward: n }, digest: `d${n}` },
  episodes: [{ step: n }],
});

let view: RunView;
beforeEach(() => {
  view = new RunView();
  view.phase = 'preparing';
});

test('a new run: questions in words, metrics of updates and evaluations in order', () => {
  view.take([{ type: 'stage', stage: 'data', done: 3, total: 40 }], 0);
  expect(view.stage).toEqual({ name: 'data', done: 3, total: 40 });
  view.take([start(0)], 1000);
  expect(view).toMatchObject({ phase: 'training', id: 'abc', done: 0, updates: 10 });
  expect(view.questions).toBe('40 training questions, 2 left out as too long');
  view.take([{ type: 'evaluation', update: 0, metrics: { 'eval/ex': 0.3 } }, update(1)], 2000);
  view.take([update(2)], 3000);
  expect(view.metrics).toEqual([
    { step: 0, 'eval/ex': 0.3 },
    { step: 1, reward: 1 },
    { step: 2, reward: 2 },
  ]);
  expect(view.digests).toEqual(['d1', 'd2']);
  expect(view.episodes).toEqual([{ step: 2 }]);
  expect(view.stage).toBeNull();
});

test('the time left comes from the newest updates', () => {
  view.take([start(0)], 0);
  view.take([{ type: 'evaluation', update: 0, metrics: {} }], 5000);
  view.take([update(1)], 6000);
  view.take([update(2)], 7000);
  expect(view.secondsLeft).toBe(8);
});

test('a resumed run begins with what it has seen, and its newest episodes', () => {
  view.take([start(4), update(5)], 0);
  expect(view.done).toBe(5);
  expect(view.metrics.map(({ step }) => step)).toEqual([4, 5]);
  expect(view.digests).toHaveLength(5);
  view.show({ id: 'abc', done: 4, updates: 10, episodes: [{ step: 3 }, { step: 4 }] });
  expect(view.episodes).toEqual([{ step: 4 }]);
});

test('how a run ends: finished, paused, or never begun', () => {
  const fingerprint = {
    ...{ backend: 'wasm', numerics: 1, timeouts: 0, count: 1, head: 'h', updates: ['d1'] },
  };
  const end = { run: 'abc', recipe, fingerprint };
  view.end({ ...end, update: 10, finished: true });
  expect(view.phase).toBe('finished');
  view.end({ ...end, update: 1, finished: false });
  expect(view).toMatchObject({ phase: 'paused', done: 1, fingerprint });
  view.end({ ...end, update: 0, finished: false });
  expect(view.phase).toBe('idle');
});

test('a stop asked for while a run is being prepared is not forgotten', () => {
  view.phase = 'stopping';
  view.take([start(0)], 0);
  expect(view.phase).toBe('stopping');
});
