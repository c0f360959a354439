import { existsSync, readFileSync } from 'node:fs';
import { tf } from '#tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { CentredEmbedder } from '../reward/embed/centred.ts';
import { dot, unit } from '../reward/embed/embedder.ts';
import { startBackend } from '../tensor/backend.ts';
import { Tokenizer } from '../text/tokenizer.ts';
import { loadPolicy } from './checkpoint.ts';
import { policyEmbedder } from './embed.ts';
import { pack, toTensors } from './pack.ts';
import type { Policy } from './policy.ts';

const files = (name: string) => readFileSync(`public/checkpoints/warm-0/${name}`);

const THOUGHTS = [
  'use song joined to singer on singer_id; show title; keep year above given',
  'use song joined to singer on singer_id; show year; keep title equal to given',
  'use airport; count of rows for each city; keep groups above given',
  'use stadium; the highest capacity; no join; no filter; no groups',
  'use pet; show name and weight; sort by weight descending; the first one',
];

describe('the policy as embedder', () => {
  let policy: Policy;
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    await startBackend('wasm');
    expect(existsSync('public/checkpoints/warm-0')).toBe(true);
    policy = loadPolicy({
      'config.json': files('config.json'),
      'model.safetensors': files('model.safetensors'),
    });
    tokenizer = Tokenizer.fromFiles({
      'tokenizer.json': files('tokenizer.json').toString(),
      'tokenizer_config.json': files('tokenizer_config.json').toString(),
    });
  });

  const cosines = (vectors: readonly Float32Array[]): number[] =>
    vectors.flatMap((a, i) => vectors.slice(i + 1).map((b) => dot(unit(a)!, unit(b)!)));

  it("is the mean of a text's states after the final norm", async () => {
    const text = THOUGHTS[0]!;
    const tokens = tokenizer.encode(text);
    const width = policy.config.hidden_size;
    const states = await tf
      .tidy(() => {
        const { input } = toTensors(pack([{ prompt: tokens, completions: [] }]));
        return policy.hidden(input);
      })
      .data<'float32'>();
    const expected = Array.from({ length: width }, (_, d) => {
      let sum = 0;
      for (let i = 0; i < tokens.length; i++) sum += states[i * width + d]!;
      return sum / tokens.length;
    });
    const [alone] = await policyEmbedder(policy, tokenizer).embed([text]);
    alone!.forEach((value, d) => expect(value).toBeCloseTo(expected[d]!, 4));
  });

  it('does not depend on what else is embedded, and takes any text', async () => {
    const embedder = policyEmbedder(policy, tokenizer);
    const texts = [...THOUGHTS, '', 'x', 'word '.repeat(3000)];
    const together = await embedder.embed(texts);
    for (const [i, text] of texts.entries()) {
      const [alone] = await embedder.embed([text]);
      expect(together[i]!.every(Number.isFinite)).toBe(true);
      alone!.forEach((value, d) => expect(together[i]![d]).toBeCloseTo(value, 4));
    }
  });

  it('finds all thoughts alike until their mean is subtracted', async () => {
    const embedder = policyEmbedder(policy, tokenizer);
    const plain = cosines(await embedder.embed(THOUGHTS));
    const centred = cosines(await new CentredEmbedder(embedder).embed(THOUGHTS));
    const spread = (values: number[]) => Math.max(...values) - Math.min(...values);
    expect(Math.min(...plain)).toBeGreaterThan(0.2);
    expect(spread(centred)).toBeGreaterThan(2 * spread(plain));
    expect(centred[0]).toBe(Math.max(...centred)); // the two about songs and singers
    expect(Math.min(...centred)).toBeLessThan(-0.5);
  });

  it('finds them nearly parallel where the common part outweighs the rest, as in large models', async () => {
    const biased = policy.clone();
    const embed = biased.parameters.get('embed')!;
    tf.tidy(() => embed.assign(tf.add(embed, 1)));
    const embedder = policyEmbedder(biased, tokenizer);
    const plain = cosines(await embedder.embed(THOUGHTS));
    const centred = cosines(await new CentredEmbedder(embedder).embed(THOUGHTS));
    biased.dispose();
    expect(Math.min(...plain)).toBeGreaterThan(0.9);
    expect(Math.min(...centred)).toBeLessThan(0);
  });
});
