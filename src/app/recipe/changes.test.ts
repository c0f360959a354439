import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StepSqlError } from '../../core/errors.ts';
import { arbitraryRecipe } from '../../core/recipe/arbitrary.test-helper.ts';
import { applySet } from '../../core/recipe/change.ts';
import { valueAt } from '../../core/recipe/fields.ts';
import { parseRecipe } from '../../core/recipe/parse.ts';
import { presetNames, presetRecipe } from '../../core/recipe/presets.ts';
import { changesFrom, resetTo, shownValue, startFrom, undoChange } from './changes.ts';

const lines = (...args: Parameters<typeof changesFrom>) =>
  changesFrom(...args).map(
    ({ field, from, to }) => `${field.path}: ${shownValue(from)} → ${shownValue(to)}`,
  );

describe('the differences from a preset', () => {
  it('are none for presets with any seed and data already hashed', () => {
    for (const preset of presetNames) {
      const recipe = applySet(presetRecipe(preset), 'seed=9', `data.sha256=${'0'.repeat(64)}`);
      expect(changesFrom(preset, recipe)).toEqual([]);
    }
  });

  it('name the field, the preset’s value and the present one', () => {
    const recipe = applySet(
      presetRecipe('grpo'),
      'grpo.beta=0.04',
      'grpo.epsilon_high=0.28',
      'reward.name=execution',
      'reward.options.exact=500',
    );
    expect(lines('grpo', recipe)).toEqual([
      'reward.name: execution-match → execution',
      'reward.options.exact: 1000 → 500',
      'grpo.beta: 0 → 0.04',
      'grpo.epsilon_high: none → 0.28',
    ]);
  });

  it('leave out the choices that another method brings with it', () => {
    expect(lines('sft', applySet(presetRecipe('sft'), 'method=grpo'))).toEqual([
      'method: sft → grpo',
    ]);
    const rloo = applySet(presetRecipe('sft'), 'method=grpo', 'credit.name=rloo');
    expect(lines('sft', rloo)).toEqual([
      'method: sft → grpo',
      'credit.name: group-relative → rloo',
    ]);
  });

  it('hold the recipe’s value, whatever the recipe', () => {
    fc.assert(
      fc.property(arbitraryRecipe, fc.constantFrom(...presetNames), (recipe, preset) => {
        for (const { field, from, to } of changesFrom(preset, recipe)) {
          expect(to).toBe(valueAt(recipe, field.path));
          expect(from).not.toBe(to);
        }
      }),
    );
  });
});

describe('taking a change back', () => {
  it('removes it, or says why the others do not allow it', () => {
    fc.assert(
      fc.property(arbitraryRecipe, fc.constantFrom(...presetNames), (recipe, preset) => {
        const paths = changesFrom(preset, recipe).map(({ field }) => field.path);
        for (const path of paths) {
          let undone;
          try {
            undone = undoChange(preset, recipe, path);
          } catch (error) {
            expect(error).toBeInstanceOf(StepSqlError);
            continue;
          }
          expect(parseRecipe(undone)).toEqual(undone);
          const left = changesFrom(preset, undone).map(({ field }) => field.path);
          expect(left).not.toContain(path);
          expect(paths).toEqual(expect.arrayContaining(left));
        }
      }),
      { numRuns: 50 },
    );
  });

  it('brings back what the preset chose, not the default', () => {
    const preset = presetRecipe('execution');
    const sft = applySet(preset, 'method=sft', 'seed=4', 'sft.batch_size=8');
    expect(undoChange('execution', sft, 'method')).toEqual({ ...preset, seed: 4 });
  });

  it('forgets the hash of the data it changes', () => {
    const recipe = applySet(presetRecipe('grpo'), 'data.seed=3', `data.sha256=${'0'.repeat(64)}`);
    expect(undoChange('grpo', recipe, 'data.seed')).toEqual(presetRecipe('grpo'));
  });

  it('says when other changes stand in the way', () => {
    const recipe = applySet(
      presetRecipe('grpo'),
      'grpo.prompts_per_update=32',
      'grpo.mini_batches=32',
    );
    expect(() => undoChange('grpo', recipe, 'grpo.prompts_per_update')).toThrow(
      'at most prompts_per_update',
    );
  });
});

it('another preset keeps the seed and the data', () => {
  const recipe = applySet(presetRecipe('grpo'), 'seed=5', 'data.seed=6', 'grpo.beta=1');
  const next = startFrom('sft', recipe);
  expect(next).toEqual(applySet(presetRecipe('sft'), 'seed=5', 'data.seed=6'));
});

it('everything goes back at once, and only data that changed loses its hash', () => {
  const hash = `data.sha256=${'0'.repeat(64)}`;
  const preset = presetRecipe('grpo');
  const pinned = applySet(preset, 'seed=5', hash);
  expect(resetTo('grpo', applySet(pinned, 'grpo.beta=1'))).toEqual(pinned);
  const other = applySet(pinned, 'data.seed=6');
  expect(resetTo('grpo', other)).toEqual({ ...preset, seed: 5 });
  expect(resetTo('grpo', applySet(pinned, 'data.kind=files', hash))).toEqual({
    ...preset,
    seed: 5,
  });
});
