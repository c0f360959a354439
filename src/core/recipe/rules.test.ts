import { describe, expect, it } from 'vitest';
import { applySet, difference, patch } from './change.ts';
import { parseRecipe, repairRecipe } from './parse.ts';
import { presetNames, presetRecipe } from './presets.ts';

const finestep = (alpha: number, credit: object, max_turns = 6, protocol = 'cocte') => ({
  ...{ method: 'grpo', protocol, turns: { max_turns }, credit },
  reward: { name: 'finestep', options: { alpha } },
});

describe('outcome dominance', () => {
  it.each([
    [6, 0.057],
    [8, 0.0386],
    [10, 0.0284],
  ])('with %i turns takes alpha up to %f, and says so', (turns, bound) => {
    const credit = { name: 'finestep' };
    expect(() => parseRecipe(finestep(bound - 2e-4, credit, turns))).not.toThrow();
    expect(() => parseRecipe(finestep(bound + 1e-4, credit, turns))).toThrow(
      new RegExp(
        `^reward\\.options\\.alpha: got 0\\.\\d+, expected at most 0\\.\\d+ with gamma 0\\.95 and ${turns} turns`,
      ),
    );
  });

  it('depends on what credit makes of process rewards', () => {
    const ignored = { name: 'group-relative' };
    const summed = { name: 'group-relative', options: { process: 'sum' } };
    const off = { name: 'finestep', options: { process: false } };
    for (const credit of [ignored, off]) {
      expect(() => parseRecipe(finestep(1, credit))).not.toThrow();
    }
    expect(() => parseRecipe(finestep(0.066, summed))).not.toThrow();
    expect(() => parseRecipe(finestep(0.067, summed))).toThrow(
      /at most 0\.0666 with gamma 1 and 6/,
    );
    expect(() => parseRecipe(finestep(0.06, { name: 'gigpo' }))).toThrow(/gamma 0\.95/);
    // Protocols of one turn have the answer alone.
    expect(() => parseRecipe(finestep(0.2, { name: 'finestep' }, 6, 'think'))).not.toThrow();
  });

  it('guards links too', () => {
    expect(() => repairRecipe(finestep(0.5, { name: 'finestep' }))).toThrow(
      /^reward\.options\.alpha/,
    );
  });
});

describe('step values', () => {
  it('go with a reward that gives them, apart from the outcome', () => {
    const credit = { name: 'process-weighted' };
    const process_values = { source: 'oracle' };
    const of = (reward: object) => () =>
      parseRecipe({ method: 'grpo', reward, credit, process_values });
    expect(of({ name: 'reward-sql' })).not.toThrow();
    expect(of({ name: 'execution-match' })).toThrow(/^reward\.name: got "execution-match"/);
    expect(of({ name: 'reward-sql', options: { process_coefficient: 0.5 } })).toThrow(
      /^reward\.options\.process_coefficient: got 0\.5, expected 0/,
    );
  });

  it('have a source where the reward pays for them', () => {
    const of = (source: string) => () =>
      parseRecipe({ method: 'grpo', reward: { name: 'reward-sql' }, process_values: { source } });
    expect(of('shuffled')).not.toThrow();
    expect(of('none')).toThrow(/^process_values\.source: got "none", expected prm, oracle or/);
  });

  it('may be assigned in any order, and differences pass through recipes that break a rule', () => {
    const source = 'process_values.source=oracle';
    const set = ['credit.name=process-weighted', 'reward.name=reward-sql', source];
    const weighted = applySet(presetRecipe('grpo'), ...set);
    expect(weighted).toEqual(applySet(presetRecipe('grpo'), ...set.reverse()));
    const shaped = applySet(
      presetRecipe('grpo'),
      ...['reward.name=reward-sql', source, 'reward.options.process_coefficient=0.5'],
    );
    const changes = difference(shaped, weighted);
    expect(parseRecipe(patch(shaped, changes))).toEqual(weighted);
  });
});

describe('the cap of CISPO', () => {
  it('must be given', () => {
    const of = (grpo: object) => () => parseRecipe({ method: 'grpo', grpo });
    expect(of({ loss_type: 'cispo', epsilon_high: 5 })).not.toThrow();
    expect(of({ loss_type: 'cispo' })).toThrow(/^grpo\.epsilon_high: got null, expected a number/);
  });
});

describe('presets of the baselines', () => {
  it.each(['rloo', 'dr-grpo', 'dapo', 'gspo'])('%s takes four mini-batches', (name) => {
    expect(presetNames).toContain(name);
    expect(presetRecipe(name)).toMatchObject({ grpo: { mini_batches: 4 } });
  });
});
