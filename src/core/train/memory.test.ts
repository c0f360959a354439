import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { tf } from '#tfjs';
import type { ModelConfig } from '../model/config.ts';
import { initPolicy } from '../model/policy.ts';
import { parseRecipe } from '../recipe/parse.ts';
import { presetRecipe } from '../recipe/presets.ts';
import type { Recipe } from '../recipe/schema.ts';
import { startBackend } from '../tensor/backend.ts';
import { usePlain } from '../tensor/ops.ts';
import { estimateMemory, outOfMemoryMessage, whatFits, type MemoryOptions } from './memory.ts';
import * as tiny from './tiny-run.test-helper.ts';

beforeAll(() => startBackend('wasm'));
afterEach(() => usePlain(false));

const small: ModelConfig = {
  ...{ vocab_size: 304, hidden_size: 32, intermediate_size: 32, num_hidden_layers: 3 },
  ...{ num_attention_heads: 2, num_key_value_heads: 1, head_dim: 8 },
  ...{ max_position_embeddings: 256, rope_theta: 10_000, rms_norm_eps: 1e-6 },
  ...{ tie_word_embeddings: false, attention_bias: false },
};
const wide: ModelConfig = {
  ...small,
  ...{ hidden_size: 64, intermediate_size: 192, num_hidden_layers: 2, tie_word_embeddings: true },
  ...{ num_attention_heads: 4, num_key_value_heads: 2, head_dim: 16 },
};
const wordy: ModelConfig = { ...small, vocab_size: 2048, hidden_size: 64 };

/** Samples that hardly ever end, and a loss that always has a gradient. */
const long = { temperature: 10, num_updates: 1, mini_batches: 1, num_generations: 6 };
const grpo = (options: object): Recipe =>
  tiny.grpoRecipe({ ...long, max_completion_length: 40, beta: 0.1, ...options });

describe('estimateMemory', () => {
  const cases: [string, ModelConfig, Recipe][] = [
    ['grpo in one pass', wordy, grpo({ per_device_train_batch_size: 64 })],
    ['grpo in three passes', wide, grpo({ per_device_train_batch_size: 6 })],
    [
      'sft that evaluates',
      small,
      tiny.sftRecipe(
        { num_updates: 1, batch_size: 2, per_device_train_batch_size: 1 },
        { eval: { every: 1, split: 'train', tasks: 3 } },
      ),
    ],
  ];
  describe.each(['fused', 'plain'] as const)('%s operations', (path) => {
    const peak = async (config: ModelConfig, recipe: Recipe): Promise<number> => {
      usePlain(path === 'plain');
      const before = tf.memory().numBytes;
      const policy = initPolicy(config, 1);
      const { peakBytes } = await tf.profile(async () => {
        await tiny.complete(recipe, policy);
        return [];
      });
      return peakBytes - before;
    };
    const options: MemoryOptions = { path, promptLength: tiny.longestPrompt };

    it.each(cases)(
      'is within a factor of two of the peak measured: %s',
      async (_, config, recipe) => {
        const ratio = estimateMemory(recipe, config, options).total / (await peak(config, recipe));
        expect(ratio).toBeGreaterThan(0.5);
        expect(ratio).toBeLessThan(2);
      },
    );

    it.each([wide, wordy])('so it is where nothing is learnt: sampling alone', async (config) => {
      const options_ = { ...long, max_completion_length: 60, num_generations: 16 };
      const recipe = tiny.rejectionRecipe(options_);
      const { total, update, sampling } = estimateMemory(recipe, config, options);
      const ratio = (total - update + sampling) / (await peak(config, recipe));
      expect(ratio).toBeGreaterThan(0.5);
      expect(ratio).toBeLessThan(2);
    });
  });

  it('grows with everything it depends on', () => {
    const of = (options: object = {}, config = wide) =>
      estimateMemory(grpo(options), config, { path: 'fused' }).total;
    for (const options of [
      { per_device_train_batch_size: 64 },
      { prompts_per_update: 300 },
      { num_generations: 60 },
      { max_completion_length: 90 },
    ]) {
      expect(of(options)).toBeGreaterThan(of({ per_device_train_batch_size: 12 }));
    }
    expect(of({}, { ...wide, vocab_size: 3000 })).toBeGreaterThan(of());
  });
});

describe('what fits', () => {
  const recipe = presetRecipe('execution');
  const options: MemoryOptions = { path: 'fused', promptLength: 176 };
  const config: ModelConfig = { ...wide, vocab_size: 2048, max_position_embeddings: 1024 };
  const total = (changed: Recipe = recipe): number =>
    estimateMemory(changed, config, options).total;

  it('is the recipe itself where there is room', () => {
    expect(whatFits(recipe, config, total(), options)).toEqual({});
  });

  it.each([0.7, 0.5, 0.3])('are smaller batches that stay below the limit: %d', (share) => {
    const limit = share * total();
    const changes = whatFits(recipe, config, limit, options)!;
    expect(Object.keys(changes).length).toBeGreaterThan(0);
    const changed = structuredClone(recipe) as unknown as Record<string, Record<string, number>>;
    for (const [path, value] of Object.entries(changes)) {
      const [section, name] = path.split('.') as [string, string];
      expect(value).toBeLessThan(changed[section]![name]!);
      changed[section]![name] = value;
    }
    expect(total(parseRecipe(changed))).toBeLessThanOrEqual(limit);
  });

  it('is nothing where the weights alone are too large', () => {
    expect(whatFits(recipe, config, 1e6, options)).toBeUndefined();
  });

  it('is told in a sentence', () => {
    const huge = { ...config, hidden_size: 4096, intermediate_size: 16_384, num_hidden_layers: 32 };
    const limitBytes = 4 * 1024 * 1024 * 1024;
    expect(outOfMemoryMessage(recipe, config, options)).toMatch(
      /^memory is exhausted: this run needs about \d+ MB; with grpo\.per_device_train_batch_size \d+ .* it would need about \d+ MB$/,
    );
    expect(outOfMemoryMessage(recipe, huge, { ...options, limitBytes })).toMatch(
      /needs about [\d.]+ GB of the 4\.0 GB there are at most, and no batch size makes it fit: /,
    );
  });
});
