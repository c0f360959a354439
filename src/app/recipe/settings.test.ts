import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryRecipe } from '../../core/recipe/arbitrary.test-helper.ts';
import { applySet } from '../../core/recipe/change.ts';
import { applies, fieldAt, recipeFields } from '../../core/recipe/fields.ts';
import { presetRecipe } from '../../core/recipe/presets.ts';
import { costOf } from './cost.ts';
import {
  breakable,
  frontSetting,
  isFixed,
  matchingFront,
  otherSettings,
  policyChoices,
  startingPolicies,
} from './settings.ts';

const grpo = presetRecipe('grpo');
const pathsOf = (...args: Parameters<typeof otherSettings>) =>
  otherSettings(...args).flatMap(({ fields }) => fields.map(({ path }) => path));

describe('settings', () => {
  it('are all reachable, in front or under all settings, and only those that apply', () => {
    fc.assert(
      fc.property(arbitraryRecipe, (recipe) => {
        const front = recipeFields.filter(
          (field) => applies(field, recipe) && frontSetting(field.path, recipe),
        );
        const all = [...front.map(({ path }) => path), ...pathsOf(recipe)].sort();
        const expected = recipeFields.filter((field) => applies(field, recipe));
        expect(all).toEqual(expected.map(({ path }) => path).sort());
      }),
      { numRuns: 25 },
    );
  });

  it('are grouped as the recipe is', () => {
    expect(otherSettings(grpo).map(({ id }) => id)).toEqual([
      '',
      'grpo',
      'optimizer',
      'reward',
      'credit',
      'prompt',
      'turns',
      'policy.model',
      'sql',
      'eval',
      'data',
      'process_values',
    ]);
    expect(otherSettings(presetRecipe('sft')).map(({ id }) => id)).not.toContain('reward');
  });

  it('are found by path, description or section, also those in front', () => {
    expect(pathsOf(grpo, 'clip')).toEqual([
      'grpo.epsilon',
      'grpo.epsilon_high',
      'grpo.delta',
      'optimizer.max_grad_norm',
    ]);
    expect(pathsOf(grpo, 'SQL sandbox')).toEqual(['sql.timeout_ms', 'sql.row_cap', 'sql.date']);
    expect(pathsOf(grpo, 'no such thing')).toEqual([]);
    expect(matchingFront(grpo, 'kl').map(({ path }) => path)).toEqual(['grpo.beta']);
    expect(matchingFront(grpo, ' ')).toEqual([]);
  });

  it('with one possible value are fixed', () => {
    expect(isFixed(fieldAt('data.version', grpo)!)).toBe(true);
    expect(isFixed(fieldAt('grpo.beta', grpo)!)).toBe(false);
  });
});

it('paths may break after dots and underscores', () => {
  expect(breakable('eval.num_updates')).toEqual(['eval.', 'num_', 'updates']);
});

describe('starting policies', () => {
  it('are valid', () => {
    for (const [value] of startingPolicies('direct')) {
      expect(applySet(grpo, `policy.checkpoint=${value}`).policy.checkpoint).toBe(value);
    }
  });

  it('include one that is not in the box when the recipe names it', () => {
    const hash = 'cd'.repeat(32);
    expect(policyChoices(hash, 'direct').at(-1)).toEqual([hash, 'Checkpoint cdcdcdcdcdcd…']);
    expect(policyChoices('warm-3', 'direct')).toEqual(startingPolicies('direct'));
  });
});

it('the cost counts episodes, or sequences where nothing is sampled', () => {
  expect(costOf(grpo)).toEqual({
    updates: 200,
    factors: '200 updates × 16 prompts × 8 samples',
    total: '25\u202f600 episodes',
  });
  expect(costOf(applySet(presetRecipe('sft'), 'sft.num_updates=1'))).toMatchObject({
    factors: '1 update × 32 sequences',
    total: '32 sequences',
  });
});
