import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { tf } from '#tfjs';
import { startNumericBackend } from '../../../test/numeric-backend.test-helper.ts';
import { savePolicy } from '../model/checkpoint.ts';
import { initPolicy } from '../model/policy.ts';
import { tinyConfig } from '../model/tiny.test-helper.ts';
import { parseRecipe } from '../recipe/parse.ts';
import { loadSql } from '../sql/load.ts';
import { scratchPolicy } from './scratch-policy.ts';
import { POLICY_FILES, policyFromFiles, warmStartFolder } from './starting-policy.ts';

const warm = resolve(import.meta.dirname, '../../../public/checkpoints/warm-0');
let files: Record<string, Uint8Array>;

beforeAll(async () => {
  await startNumericBackend();
  files = Object.fromEntries(
    await Promise.all(POLICY_FILES.map(async (name) => [name, await readFile(join(warm, name))])),
  );
});

describe('policyFromFiles', () => {
  it('reads the warm start in the box', async () => {
    const { policy, tokenizer } = policyFromFiles(files);
    const saved = await savePolicy(policy);
    expect(saved['model.safetensors']).toEqual(new Uint8Array(files['model.safetensors']!));
    expect(tokenizer.vocabSize).toBeLessThanOrEqual(policy.config.vocab_size);
    policy.dispose();
  });

  it.each(POLICY_FILES)('refuses files without %s', (missing) => {
    const others = Object.fromEntries(Object.entries(files).filter(([name]) => name !== missing));
    expect(() => policyFromFiles(others)).toThrow(`a file ${missing}`);
  });

  it('refuses a policy that cannot write all tokens, and frees it', async () => {
    const { numTensors } = tf.memory();
    const small = initPolicy({ ...tinyConfig, vocab_size: 64 }, 0);
    const mixed = { ...files, ...(await savePolicy(small)) };
    small.dispose();
    expect(() => policyFromFiles(mixed)).toThrow(/^config\.json: vocab_size: got 64, expected at/);
    expect(tf.memory().numTensors).toBe(numTensors);
  });
});

it('makes new weights of the shape and seed of the recipe', async () => {
  const model = { vocab_size: 300, hidden_size: 32, num_hidden_layers: 1 };
  const recipe = parseRecipe({ method: 'sft', seed: 7, policy: { checkpoint: 'scratch', model } });
  const { policy, tokenizer } = await scratchPolicy(recipe, loadSql);
  expect(policy.config).toMatchObject({ ...model, num_attention_heads: 4, head_dim: 8 });
  expect(tokenizer.vocabSize).toBeLessThanOrEqual(300);
  const fresh = initPolicy(policy.config, 7);
  expect(await policy.weights()).toEqual(await fresh.weights());
  policy.dispose();
  fresh.dispose();
});

it('knows the names of warm starts', () => {
  const names = ['warm', 'warm-0', 'warm-12', 'warm-tools', 'warm-tools-3'];
  const folders = ['warm-0', 'warm-0', 'warm-12', 'warm-tools-0', 'warm-tools-3'];
  expect(names.map(warmStartFolder)).toEqual(folders);
  for (const name of ['scratch', 'warm-', 'warm-1/..', 'runs/warm', 'a'.repeat(64)]) {
    expect(warmStartFolder(name)).toBeUndefined();
  }
});
