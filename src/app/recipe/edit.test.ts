import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryRecipe } from '../../core/recipe/arbitrary.test-helper.ts';
import { applySet } from '../../core/recipe/change.ts';
import {
  applies,
  fieldAt,
  recipeFields,
  valueAt,
  type FieldValue,
} from '../../core/recipe/fields.ts';
import { parseRecipe } from '../../core/recipe/parse.ts';
import { presetRecipe } from '../../core/recipe/presets.ts';
import { edit, formText, UNREADABLE, unpinned } from './edit.ts';

const HASH = 'ab'.repeat(32);
const grpo = presetRecipe('grpo');

/** What a text in the form means, given the kind of value that came of it. */
function meaning(text: string, value: unknown): unknown {
  if (typeof value === 'number') return Number(text);
  if (typeof value === 'boolean') return text === 'true';
  return text === '' || text === 'null' ? null : text;
}

describe('a protocol', () => {
  it('brings the warm start that speaks it and the questions it is for', () => {
    const { recipe } = edit(grpo, {}, 'protocol', 'cocte');
    expect(recipe).toMatchObject({
      ...{ protocol: 'cocte', policy: { checkpoint: 'warm-cocte' }, data: { world: 'steps' } },
    });
    expect(edit(recipe, {}, 'protocol', 'direct').recipe).toEqual(grpo);
  });

  it('leaves alone what was chosen', () => {
    const own = applySet(grpo, 'policy.checkpoint=scratch', 'data.world=steps');
    const { recipe } = edit(own, {}, 'protocol', 'cocte');
    expect(recipe).toMatchObject({ policy: { checkpoint: 'scratch' }, data: { world: 'steps' } });
    const seeded = applySet(grpo, 'policy.checkpoint=warm-3');
    expect(edit(seeded, {}, 'protocol', 'direct').recipe).toEqual(seeded);
  });
});

describe('values in the form', () => {
  it('come back as they were, whatever the recipe', () => {
    fc.assert(
      fc.property(arbitraryRecipe, (recipe) => {
        for (const field of recipeFields.filter((each) => applies(each, recipe))) {
          const value = valueAt(recipe, field.path) as FieldValue;
          const text = formText(value);
          expect(edit(recipe, {}, field.path, text)).toEqual({ recipe, drafts: {} });
        }
      }),
      { numRuns: 25 },
    );
  });
});

describe('editing', () => {
  it('never loses what was typed, and never makes an invalid recipe', () => {
    const path = fc.constantFrom(...recipeFields.map((field) => field.path));
    const text = fc.oneof(fc.constantFrom('', '0', '3', UNREADABLE, 'true', 'files'), fc.string());
    fc.assert(
      fc.property(arbitraryRecipe, path, text, (recipe, at, typed) => {
        fc.pre(fieldAt(at, recipe) !== undefined);
        const next = edit(recipe, {}, at, typed);
        expect(parseRecipe(next.recipe)).toEqual(next.recipe);
        if (next.drafts[at]) {
          expect(next.drafts[at].text).toBe(typed);
          expect(next.recipe).toEqual(recipe);
        } else {
          const value = valueAt(next.recipe, at);
          expect(value).toBe(meaning(typed.trim(), value));
        }
      }),
    );
  });

  it('says what was expected and keeps the recipe', () => {
    const { recipe, drafts } = edit(grpo, {}, 'grpo.beta', '99');
    expect(recipe).toEqual(grpo);
    expect(drafts).toEqual({
      'grpo.beta': { text: '99', error: 'Expected a number from 0 to 10.' },
    });
  });

  it('names the other field when two do not fit', () => {
    const { drafts } = edit(grpo, {}, 'grpo.mini_batches', '32');
    expect(drafts['grpo.mini_batches']!.error).toMatch(/^Expected at most prompts_per_update/);
    const many = applySet(grpo, 'grpo.mini_batches=16');
    expect(edit(many, {}, 'grpo.prompts_per_update', '8').drafts).toMatchObject({
      'grpo.prompts_per_update': {
        error: expect.stringMatching(/^grpo\.mini_batches: expected at most prompts_per_update/),
      },
    });
  });

  it('takes fields that only fit together, typed one after the other', () => {
    const first = edit(grpo, {}, 'policy.model.num_attention_heads', '5');
    expect(Object.keys(first.drafts)).toEqual(['policy.model.num_attention_heads']);
    const second = edit(first.recipe, first.drafts, 'policy.model.hidden_size', '40');
    expect(Object.keys(second.drafts)).toHaveLength(2); // 5 heads, but 2 for keys and values
    const third = edit(second.recipe, second.drafts, 'policy.model.num_key_value_heads', '5');
    expect(third.drafts).toEqual({});
    expect(third.recipe.policy.model).toMatchObject({ hidden_size: 40, num_attention_heads: 5 });
  });

  it('keeps other drafts while one field is mended', () => {
    const first = edit(grpo, {}, 'grpo.beta', '99');
    const second = edit(first.recipe, first.drafts, 'seed', '7');
    expect(second.recipe.seed).toBe(7);
    expect(second.drafts).toEqual(first.drafts);
    expect(edit(second.recipe, second.drafts, 'grpo.beta', '0.1').drafts).toEqual({});
  });

  it('drops drafts of fields that are gone', () => {
    const bad = edit(grpo, {}, 'grpo.beta', '');
    expect(bad.drafts['grpo.beta']!.text).toBe('');
    const next = edit(bad.recipe, bad.drafts, 'method', 'sft');
    expect(next.recipe.method).toBe('sft');
    expect(next.drafts).toEqual({});
  });

  it('reads an empty nullable field as none, and one that cannot be read as wrong', () => {
    const set = applySet(grpo, 'grpo.epsilon_high=0.28');
    expect(edit(set, {}, 'grpo.epsilon_high', '').recipe).toEqual(grpo);
    expect(edit(set, {}, 'grpo.epsilon_high', UNREADABLE).drafts).toHaveProperty([
      'grpo.epsilon_high',
    ]);
  });
});

describe('the content hash of the data', () => {
  const pinned = applySet(grpo, `data.sha256=${HASH}`);

  it('goes when a dial of the data moves, and stays otherwise', () => {
    expect(edit(pinned, {}, 'data.seed', '1').recipe.data.sha256).toBeNull();
    expect(edit(pinned, {}, 'data.levels.easy', '0').recipe.data.sha256).toBeNull();
    expect(edit(pinned, {}, 'seed', '1').recipe.data.sha256).toBe(HASH);
    expect(edit(grpo, {}, 'data.sha256', HASH).recipe).toEqual(pinned);
  });

  it('goes with the kind of data', () => {
    const files = applySet(pinned, 'data.kind=files', `data.sha256=${HASH}`);
    expect(unpinned(pinned, files).data.sha256).toBeNull();
  });
});
