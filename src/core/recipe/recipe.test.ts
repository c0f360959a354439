import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StepSqlError } from '../errors.ts';
import { rewards } from '../reward/index.ts';
import { arbitraryRecipe } from './arbitrary.test-helper.ts';
import { canonicalJson, recipeHash } from './canonical.ts';
import { applySet, difference, patch } from './change.ts';
import { recipeFields, valueAt } from './fields.ts';
import { migrate, type Migration } from './migrations.ts';
import { parseRecipe, parseRecipeText, repairRecipe } from './parse.ts';
import { presetNames, presetRecipe, presets } from './presets.ts';

const messageOf = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(StepSqlError);
    return (error as StepSqlError).message;
  }
  throw new Error('nothing was refused');
};

describe('parseRecipe', () => {
  it('fills defaults in, with TRL values for GRPO', () => {
    const recipe = parseRecipe({ method: 'grpo' });
    if (recipe.method !== 'grpo') throw new Error('other method');
    expect(recipe.grpo).toMatchObject({
      num_generations: 8,
      num_iterations: 1,
      beta: 0,
      epsilon: 0.2,
      epsilon_high: null,
      loss_type: 'dapo',
      temperature: 1,
      top_p: 1,
      shuffle_rewards: false,
    });
    expect(recipe.credit).toEqual({
      name: 'group-relative',
      options: { scale_rewards: 'group', process: 'ignore' },
    });
    expect(recipe.optimizer.max_grad_norm).toBe(1);
  });

  it.each<[unknown, string]>([
    [{}, 'method: got undefined, expected one of sft, grpo, rejection_sft'],
    [{ method: 'ppo' }, 'method: got "ppo", expected one of sft, grpo, rejection_sft'],
    [{ method: 'grpo', grpo: { beta: 'x' } }, 'grpo.beta: got "x", expected a number from 0 to 10'],
    [{ method: 'grpo', grpo: { beta: 11 } }, 'grpo.beta: got 11, expected a number from 0 to 10'],
    [
      { method: 'grpo', grpo: { num_generations: 2.5 } },
      'grpo.num_generations: got 2.5, expected an integer from 1 to 256',
    ],
    [
      { method: 'grpo', grpo: { num_generation: 8 } },
      'grpo.num_generation: got 8, expected a known field (did you mean grpo.num_generations?)',
    ],
    [
      { method: 'grpo', beta: 0.1 },
      'beta: got 0.1, expected a known field (did you mean grpo.beta?)',
    ],
    [
      { method: 'sft', grpo: {} },
      'grpo: got {}, expected no such field here: it goes with method=grpo',
    ],
    [{ method: 'grpo', grpo: [] }, 'grpo: got [], expected an object'],
    [{ method: 'grpo', grpo: 3 }, 'grpo: got 3, expected an object'],
    [[], 'recipe: got [], expected an object'],
    [{ method: 'grpo', toString: 1 }, 'toString: got 1, expected a known field'],
    [
      { method: 'grpo', reward: { name: 'nice' } },
      `reward.name: got "nice", expected one of ${Object.keys(rewards).join(', ')}`,
    ],
    [
      { method: 'grpo', reward: { name: 'execution', options: { exact: 'lots' } } },
      'reward.options.exact: got "lots", expected a number of at least 0',
    ],
    [
      { method: 'grpo', reward: { name: 'execution', options: { partial: 2000 } } },
      'reward.options.partial: got 2000, expected less than `exact`, or an over-broad result would earn as much as a right one',
    ],
    [
      { method: 'grpo', policy: { checkpoint: 'hot' } },
      'policy.checkpoint: got "hot", expected warm, warm-<seed>, warm-<protocol>-<seed>, scratch or the SHA-256 of a checkpoint',
    ],
    [
      { method: 'grpo', policy: { model: { hidden_size: 72 } } },
      'policy.model.hidden_size: got 72, expected a multiple of 8 × num_attention_heads',
    ],
    [
      { method: 'grpo', version: 2 },
      'version: got 2, expected a version from 1 to 1 (it comes from a newer StepSQL)',
    ],
    [{ method: 'grpo', seed: -1 }, 'seed: got -1, expected an integer from 0 to 4294967295'],
    [{ method: 'grpo', data: {} }, 'data.kind: got undefined, expected one of nursery, files'],
  ])('refuses %j', (json, message) => {
    expect(messageOf(() => parseRecipe(json))).toBe(message);
  });

  it('refuses what is not JSON', () => {
    expect(messageOf(() => parseRecipeText('{method: grpo}'))).toMatch(/^recipe: got .* JSON/);
  });

  it('takes or refuses any JSON with a StepSqlError', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        try {
          parseRecipe(json);
        } catch (error) {
          expect(error).toBeInstanceOf(StepSqlError);
        }
      }),
    );
  });

  it('reads its own recipes back unchanged', () => {
    fc.assert(
      fc.property(arbitraryRecipe, (recipe) => {
        expect(parseRecipeText(canonicalJson(recipe))).toEqual(recipe);
      }),
    );
  });
});

describe('recipeFields', () => {
  it('documents every field, with a default within its bounds', () => {
    for (const field of recipeFields) {
      expect(field.description, field.path).not.toBe('');
      if (field.choices && field.path !== 'method') {
        expect(field.choices).toContain(field.default);
      }
      if (typeof field.default === 'number') {
        expect(field.default).toBeGreaterThanOrEqual(field.min ?? -Infinity);
        expect(field.default).toBeLessThanOrEqual(field.max ?? Infinity);
      }
    }
  });

  it('covers every value of every preset', () => {
    const leaves = (json: unknown, path = ''): string[] =>
      typeof json === 'object' && json !== null && !Array.isArray(json)
        ? Object.entries(json).flatMap(([key, value]) =>
            leaves(value, path ? `${path}.${key}` : key),
          )
        : [path];
    for (const name of presetNames) {
      const known = new Set(recipeFields.map(({ path }) => path));
      for (const path of leaves(presetRecipe(name))) {
        if (path !== 'version') expect(known, path).toContain(path);
      }
    }
  });

  it('says where a field exists', () => {
    const find = (path: string) => recipeFields.filter((field) => field.path === path);
    expect(find('grpo.beta')[0]?.when).toEqual({ method: ['grpo'] });
    expect(find('reward.name')[0]?.when).toEqual({ method: ['grpo', 'rejection_sft'] });
    expect(find('seed')[0]?.when).toEqual({});
    expect(find('data.sha256').map(({ when }) => when)).toEqual([
      { 'data.kind': ['nursery'] },
      { 'data.kind': ['files'] },
    ]);
    expect(find('grpo.epsilon_high')[0]).toMatchObject({ kind: 'number', nullable: true, max: 10 });
  });
});

describe('applySet', () => {
  const grpo = presetRecipe('grpo');

  it('sets values of every kind', () => {
    const changed = applySet(
      grpo,
      'grpo.beta=0.01',
      'grpo.epsilon_high=null',
      'grpo.shuffle_rewards=true',
      'grpo.loss_type=dr_grpo',
      'data.levels.easy=0',
      'name=7',
      'sql.date=2024-02-29',
    );
    expect(changed).toMatchObject({
      grpo: { beta: 0.01, epsilon_high: null, shuffle_rewards: true, loss_type: 'dr_grpo' },
      data: { levels: { easy: 0, medium: 35 } },
      name: '7',
      sql: { date: '2024-02-29' },
    });
    expect(grpo.name).toBe('grpo');
  });

  it('checks fields that depend on each other only at the end', () => {
    const { policy } = applySet(
      grpo,
      'policy.model.hidden_size=48',
      'policy.model.num_attention_heads=6',
    );
    expect(policy.model).toMatchObject({ hidden_size: 48, num_attention_heads: 6 });
  });

  it('gives dependent fields their defaults when what they depend on changes', () => {
    const execution = applySet(grpo, 'reward.name=execution', 'reward.options.error=-1');
    expect(valueAt(execution, 'reward.options')).toEqual({
      error: -1,
      executes: 1,
      partial: 100,
      exact: 1000,
      precisionGuard: false,
    });
    const sft = applySet(applySet(grpo, 'seed=4'), 'method=sft');
    expect(sft).toMatchObject({ method: 'sft', seed: 4, sft: { corpus: 'gold' } });
    expect(sft).not.toHaveProperty('grpo');
    expect(sft).not.toHaveProperty('reward');
  });

  it.each([
    ['grpo.betta=1', 'grpo.betta: got "1", expected a known field (did you mean grpo.beta?)'],
    ['beta=1', 'beta: got "1", expected a known field (did you mean grpo.beta?)'],
    [
      'sft.corpus=gold',
      'sft.corpus: got "gold", expected no such field here: it goes with method=sft',
    ],
    ['grpo.beta=', 'grpo.beta: got "", expected a number from 0 to 10'],
    ['grpo.beta', '--set: got "grpo.beta", expected key=value, for example grpo.beta=0.01'],
    ['reward.name=x', `reward.name: got "x", expected one of ${Object.keys(rewards).join(', ')}`],
    ['policy.model.vocab_size=513', 'policy.model.vocab_size: got 513, expected a multiple of 4'],
    ['data.levels=1', 'data.levels: got "1", expected one of its fields, such as data.levels.easy'],
    ['grpo.shuffle_rewards=yes', 'grpo.shuffle_rewards: got "yes", expected true or false'],
  ])('refuses %s', (assignment, message) => {
    expect(messageOf(() => applySet(grpo, assignment))).toBe(message);
  });
});

describe('difference and patch', () => {
  it('undo each other from any preset', () => {
    fc.assert(
      fc.property(arbitraryRecipe, fc.constantFrom(...presetNames), (recipe, name) => {
        const base = presetRecipe(name);
        expect(parseRecipe(patch(base, difference(base, recipe)))).toEqual(recipe);
      }),
    );
  });

  it('say only what differs', () => {
    const base = presetRecipe('grpo');
    expect(difference(base, base)).toEqual({});
    expect(difference(base, applySet(base, 'grpo.beta=0.04'))).toEqual({ grpo: { beta: 0.04 } });
    expect(difference(base, applySet(base, 'reward.name=execution'))).toEqual({
      reward: { name: 'execution' },
    });
  });
});

describe('repairRecipe', () => {
  it('clamps and drops with a note each', () => {
    const { recipe, notes } = repairRecipe({
      method: 'grpo',
      seed: 1e12,
      grpo: { beta: -1, sparkle: true, num_generations: 9999 },
      extra: { a: 1 },
    });
    expect(recipe).toMatchObject({ seed: 4294967295, grpo: { beta: 0, num_generations: 256 } });
    expect(notes.sort()).toEqual([
      'extra: unknown here, left out',
      'grpo.beta: -1 clamped to 0',
      'grpo.num_generations: 9999 clamped to 256',
      'grpo.sparkle: unknown here, left out',
      'seed: 1000000000000 clamped to 4294967295',
    ]);
  });

  it('refuses what has no near value', () => {
    expect(messageOf(() => repairRecipe({ method: 'grpo', grpo: { beta: '0' } }))).toBe(
      'grpo.beta: got "0", expected a number from 0 to 10',
    );
  });
});

describe('canonicalJson', () => {
  it("writes RFC 8785's example", () => {
    const value = {
      numbers: [Number('333333333.33333329'), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: '\u20ac$\u000F\u000aA\'\u0042\u0022\u005c\\"/',
      literals: [null, true, false],
    };
    expect(canonicalJson(value)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  it("orders keys by UTF-16 code units, as RFC 8785's second example", () => {
    const keys = ['\u20ac', '\r', '\ufb33', '1', '\u{1f600}', '\u0080', '\u00f6'];
    const json = canonicalJson(Object.fromEntries(keys.map((key) => [key, 0])));
    expect(Object.keys(JSON.parse(json) as object)).toEqual([
      '1',
      '\r',
      '\u0080',
      '\u00f6',
      '\u20ac',
      '\u{1f600}',
      '\ufb33',
    ]);
  });

  it('refuses what JSON cannot say', () => {
    for (const value of [NaN, Infinity, 1n, '\ud800', undefined, [undefined]]) {
      expect(() => canonicalJson(value)).toThrow(StepSqlError);
    }
  });

  it('does not depend on the order of keys', () => {
    const recipe = presetRecipe('grpo');
    const reversed = Object.fromEntries(Object.entries(recipe).reverse());
    expect(recipeHash(parseRecipe(reversed))).toBe(recipeHash(recipe));
    expect(recipeHash(applySet(recipe, 'seed=1'))).not.toBe(recipeHash(recipe));
  });
});

describe('presets', () => {
  it('are whole recipes under their own names', () => {
    for (const name of presetNames) {
      expect(presetRecipe(name).name).toBe(name);
      expect(presets[name].description).not.toBe('');
    }
    expect(messageOf(() => presetRecipe('grop'))).toBe(
      `preset: got "grop", expected one of ${presetNames.join(', ')}`,
    );
  });

  it('give `execution` the values of 2506.06093 §3', () => {
    expect(valueAt(presetRecipe('execution'), 'reward')).toEqual({
      name: 'execution',
      options: { error: -100, executes: 1, partial: 100, exact: 1000, precisionGuard: false },
    });
  });
});

describe('migrate', () => {
  const steps: Migration[] = [
    (json) => ({ ...json, two: true }),
    (json) => ({ ...json, three: json['two'] }),
  ];

  it('applies the steps from the version on', () => {
    expect(migrate({}, 1, steps)).toEqual({ two: true, three: true });
    expect(migrate({}, 2, steps)).toEqual({ three: undefined });
    expect(migrate({ a: 1 }, 3, steps)).toEqual({ a: 1 });
  });

  it.each([0, 4, 1.5, NaN])('refuses version %d', (version) => {
    expect(() => migrate({}, version, steps)).toThrow('expected a version from 1 to 3');
  });
});
