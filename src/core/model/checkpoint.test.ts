import { beforeAll, describe, expect, it } from 'vitest';
import { tf } from '#tfjs';
import { startNumericBackend } from '../../../test/numeric-backend.test-helper.ts';
import { loadPolicy, savePolicy } from './checkpoint.ts';
import { readSafetensors, writeSafetensors, type NamedTensor } from './safetensors.ts';
import { tinyPolicy } from './tiny.test-helper.ts';

beforeAll(startNumericBackend);

const shapes = (files: Record<string, Uint8Array>): Record<string, number[]> =>
  Object.fromEntries(
    [...readSafetensors(files['model.safetensors']!)].map(([name, { shape }]) => [name, shape]),
  );

const llamaLayer = (layer: number): Record<string, number[]> =>
  Object.fromEntries(
    Object.entries({
      'input_layernorm.weight': [16],
      'self_attn.q_proj.weight': [32, 16],
      'self_attn.k_proj.weight': [16, 16],
      'self_attn.v_proj.weight': [16, 16],
      'self_attn.o_proj.weight': [16, 32],
      'post_attention_layernorm.weight': [16],
      'mlp.gate_proj.weight': [24, 16],
      'mlp.up_proj.weight': [24, 16],
      'mlp.down_proj.weight': [16, 24],
    }).map(([name, shape]) => [`model.layers.${layer}.${name}`, shape]),
  );

const llama = {
  'model.embed_tokens.weight': [32, 16],
  ...llamaLayer(0),
  ...llamaLayer(1),
  'model.norm.weight': [16],
};

describe('checkpoints', () => {
  it.each([
    {},
    { tie_word_embeddings: false },
    { attention_bias: true },
    { num_key_value_heads: 1, num_hidden_layers: 1 },
  ])('come back bit for bit: %o', async (changes) => {
    const policy = tinyPolicy(changes);
    const loaded = loadPolicy(await savePolicy(policy));
    expect(loaded.config).toEqual(policy.config);
    expect([...loaded.parameters.keys()]).toEqual([...policy.parameters.keys()]);
    expect(await loaded.weights()).toEqual(await policy.weights());
    expect(await savePolicy(loaded)).toEqual(await savePolicy(policy));
    policy.dispose();
    loaded.dispose();
  });

  it("have Hugging Face's names and shapes", async () => {
    const saved = async (
      changes: Parameters<typeof tinyPolicy>[0],
    ): Promise<Record<string, number[]>> => {
      const policy = tinyPolicy(changes);
      const files = await savePolicy(policy);
      policy.dispose();
      return shapes(files);
    };
    expect(await saved({})).toEqual(llama);
    expect(await saved({ tie_word_embeddings: false })).toEqual({
      ...llama,
      'lm_head.weight': [32, 16],
    });
    const biases = [0, 1].flatMap((layer) =>
      [
        ['q', 32],
        ['k', 16],
        ['v', 16],
      ].map(([each, size]) => [`model.layers.${layer}.self_attn.${each}_proj.bias`, [size]]),
    );
    expect(await saved({ attention_bias: true })).toEqual({
      ...llama,
      ...Object.fromEntries(biases),
    });
  });

  it('stack query, key and value as the rows of one matrix', async () => {
    const policy = tinyPolicy({ num_hidden_layers: 1 });
    const tensors = readSafetensors((await savePolicy(policy))['model.safetensors']!);
    const stacked = ['q', 'k', 'v'].flatMap((each) => [
      ...tensors.get(`model.layers.0.self_attn.${each}_proj.weight`)!.data,
    ]);
    expect(stacked).toEqual([...policy.parameters.get('layers.0.qkv')!.dataSync()]);
    policy.dispose();
  });
});

describe('a checkpoint that does not fit is refused and leaves nothing behind', () => {
  let files: Record<string, Uint8Array>;
  beforeAll(async () => {
    const policy = tinyPolicy();
    files = await savePolicy(policy);
    policy.dispose();
  });

  const withTensors = (change: (tensors: Map<string, NamedTensor>) => void) => {
    const tensors = readSafetensors(files['model.safetensors']!);
    change(tensors);
    return { ...files, 'model.safetensors': writeSafetensors(tensors) };
  };
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  const value = 'model.layers.1.self_attn.v_proj.weight';

  it.each<[string, () => Record<string, Uint8Array>, RegExp]>([
    ['no config.json', () => ({ 'a.txt': text('') }), /^checkpoint: .*config\.json/],
    [
      'no model.safetensors',
      () => ({ 'config.json': files['config.json']! }),
      /^checkpoint: .*model\.safetensors/,
    ],
    ['no JSON', () => ({ ...files, 'config.json': text('{') }), /^config\.json: .*valid JSON/],
    [
      'another model',
      () => ({ ...files, 'config.json': text('{"model_type":"bert"}') }),
      /^config\.json: model_type: got "bert"/,
    ],
    [
      'a missing tensor',
      () => withTensors((tensors) => tensors.delete(value)),
      /model\.layers\.1\.self_attn\.v_proj\.weight: got undefined, expected a tensor of shape \[16, 16\]/,
    ],
    [
      'a tensor of another shape',
      () =>
        withTensors((tensors) => {
          tensors.get(value)!.shape = [8, 32];
        }),
      /model\.layers\.1\.self_attn\.v_proj\.weight: got \[8,32\], expected a tensor of shape \[16, 16\]/,
    ],
    [
      'a file cut short',
      () => ({ ...files, 'model.safetensors': files['model.safetensors']!.subarray(0, -4) }),
      /^model\.safetensors: .*data_offsets/,
    ],
  ])('%s', (_, make, message) => {
    const { numTensors } = tf.memory();
    expect(() => loadPolicy(make())).toThrow(message);
    expect(tf.memory().numTensors).toBe(numTensors);
  });
});
