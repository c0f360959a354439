import { beforeAll, describe, expect, it } from 'vitest';
import { startNumericBackend } from '../../../test/numeric-backend.test-helper.ts';
import type { Policy } from '../model/policy.ts';
import { differs } from './dynamic-sampling.ts';
import { MemoryRunStore } from './run-store.ts';
import * as tiny from './tiny-run.test-helper.ts';

/** Groups so small that many are all right or all wrong; one further prompt to try instead. */
const few = { prompts_per_update: 2, num_generations: 3, num_updates: 6 };
const recipe = (options: object = {}) =>
  tiny.grpoRecipe({ ...few, dynamic_sampling: true, ...options }, { checkpoint_every: 3 });

let policy: () => Policy;
let dynamic: tiny.Finished;
let plain: tiny.Finished;

beforeAll(async () => {
  await startNumericBackend();
  policy = await tiny.undecidedPolicy();
  dynamic = await tiny.complete(recipe(), policy());
  plain = await tiny.complete(recipe({ dynamic_sampling: false }), policy());
});

const metric = (run: tiny.Finished, name: string) =>
  run.updates.map(({ metrics }) => metrics[name] ?? NaN);

describe('dynamic sampling', () => {
  it('keeps groups whose rewards differ, missing ones aside', () => {
    const of = (...totals: number[]) =>
      differs({ rewards: totals.map((total) => ({ total, terms: {}, steps: [] })) });
    expect(of(1, 0, 1)).toBe(true);
    expect(of(0, 0)).toBe(false);
    expect(of(NaN, 1, 1)).toBe(false);
    expect(of(NaN)).toBe(false);
    expect(of()).toBe(false);
  });

  it('replaces groups without a difference while there are prompts, and counts the cost', () => {
    const discarded = metric(dynamic, 'dynamic_sampling/discarded');
    const unfilled = metric(dynamic, 'dynamic_sampling/unfilled');
    const equal = metric(dynamic, 'frac_reward_zero_std');
    unfilled.forEach((count, i) => expect(equal[i]).toBe(count / 2));
    // Two places, three questions: at most one further group an update, which is kept or is not.
    expect(Math.max(...discarded)).toBe(1);
    metric(dynamic, 'dynamic_sampling/tokens').forEach((tokens, i) =>
      expect(tokens > 0).toBe(discarded[i]! > 0),
    );
    for (const { groups } of dynamic.updates) expect(groups).toHaveLength(2);
    expect(metric(plain, 'dynamic_sampling/rounds').every(Number.isNaN)).toBe(true);
    const share = (run: tiny.Finished) =>
      metric(run, 'frac_reward_zero_std').reduce((sum, x) => sum + x, 0);
    expect(share(dynamic)).toBeLessThan(share(plain));
  });

  it('draws the same when a run is resumed', async () => {
    const store = new MemoryRunStore();
    for await (const event of tiny.start(recipe(), policy(), { store }).events) {
      if (event.type === 'checkpoint' && event.update === 3) break;
    }
    const resumed = await tiny.complete(recipe(), policy(), { store });
    expect(resumed.fingerprint).toEqual(dynamic.fingerprint);
  });
});
