import { describe, expect, it } from 'vitest';
import { makeProtocol } from '../../episode/index.ts';
import { passesFormatGate } from '../../reward/format.ts';
import { loadSql } from '../../sql/engine.ts';
import { corpusOf, warmStartRecipe, warmStarts, type WarmStartName } from './index.ts';

const BASE = 'a'.repeat(64);

describe.each(Object.keys(warmStarts) as WarmStartName[])('warm start %s', (name) => {
  it('begins with gold, from new weights or from a base', () => {
    const whole = warmStartRecipe(name, 3);
    const checkpoint = warmStarts[name]!.start ?? 'scratch';
    expect(whole).toMatchObject({ seed: 3, policy: { checkpoint } });
    const onBase = warmStartRecipe(name, 3, { part: 'planted', base: BASE });
    expect(onBase).toMatchObject({ policy: { checkpoint: BASE } });
    if (whole.method !== 'sft' || onBase.method !== 'sft') throw new Error('not SFT');
    expect(whole.sft.gold_updates).toBeGreaterThan(onBase.sft.gold_updates);
    expect(whole.sft.num_updates).toBeGreaterThan(onBase.sft.num_updates);
    expect(onBase.sft.num_updates).toBeGreaterThan(onBase.sft.gold_updates);
  });

  it('writes what its protocol reads, the same whenever it is asked', async () => {
    const recipe = warmStartRecipe(name, 3);
    if (recipe.method !== 'sft') throw new Error('not SFT');
    const { read, maxTurns } = makeProtocol(recipe.protocol, recipe.turns);
    const [corpus, again] = await Promise.all([
      corpusOf(recipe, loadSql),
      corpusOf(recipe, loadSql),
    ]);
    for (const update of [1, recipe.sft.num_updates]) {
      for (let i = 0; i < 5; i++) {
        const example = corpus!(update, i);
        expect(again!(update, i)).toEqual(example);
        const last = example.turns.at(-1)!;
        expect(last.observation).toBeUndefined();
        if (maxTurns > 1) continue; // what an answer is depends on the turns before
        const task = { id: '', db_id: '', question: '', split: 'train' };
        const turn = read(last.text, { task, schema: { tables: [] }, steps: [] });
        expect(turn).toMatchObject({
          kind: 'answer',
          sql: expect.stringMatching(/^(SELECT|WITH)/),
        });
      }
    }
  });
});

it('thinks enough for the format gate, right or wrong', async () => {
  const recipe = warmStartRecipe('think', 1);
  const corpus = (await corpusOf(recipe, loadSql))!;
  for (const update of [1, 3000]) {
    for (let i = 0; i < 100; i++) {
      expect(passesFormatGate(corpus(update, i).turns[0]!.text, 40)).toBe(true);
    }
  }
});
