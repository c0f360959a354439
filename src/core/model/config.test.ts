import { describe, expect, it } from 'vitest';
import { checkModelConfig, modelConfigFromJson, modelConfigToJson } from './config.ts';
import { tinyConfig } from './tiny.test-helper.ts';

describe('checkModelConfig', () => {
  it('takes what can be built', () => {
    expect(checkModelConfig(tinyConfig)).toBe(tinyConfig);
  });

  it.each([
    ['vocab_size', 30, 'a multiple of 4'],
    ['hidden_size', 0, 'a positive integer'],
    ['hidden_size', NaN, 'a positive integer'],
    ['intermediate_size', -24, 'a positive integer'],
    ['num_hidden_layers', 1.5, 'a positive integer'],
    ['num_key_value_heads', 3, 'a divisor of num_attention_heads (4)'],
    ['head_dim', 12, 'a multiple of 8'],
    ['max_position_embeddings', Infinity, 'a positive integer'],
    ['rope_theta', 0, 'a positive number'],
    ['rms_norm_eps', -1e-6, 'a positive number'],
  ])('refuses %s %d', (name, value, expected) => {
    expect(() => checkModelConfig({ ...tinyConfig, [name]: value })).toThrow(
      expect.objectContaining({
        field: `model.${name}`,
        message: `model.${name}: got ${JSON.stringify(value)}, expected ${expected}`,
      }) as Error,
    );
  });
});

describe('config.json', () => {
  it.each([
    { tie_word_embeddings: true, attention_bias: false },
    { tie_word_embeddings: false, attention_bias: true },
  ])('is read as written: %o', (changes) => {
    const config = { ...tinyConfig, ...changes };
    const json = JSON.parse(JSON.stringify(modelConfigToJson(config))) as Record<string, unknown>;
    expect(json['model_type']).toBe(changes.attention_bias ? 'qwen2' : 'llama');
    expect(modelConfigFromJson(json)).toEqual(config);
  });

  it("fills in transformers' defaults", () => {
    const json = {
      model_type: 'llama',
      vocab_size: 32,
      hidden_size: 32,
      intermediate_size: 24,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      max_position_embeddings: 128,
    };
    expect(modelConfigFromJson(json)).toEqual({
      ...tinyConfig,
      hidden_size: 32,
      num_key_value_heads: 4,
      tie_word_embeddings: false,
    });
  });

  const json = modelConfigToJson(tinyConfig);

  it("reads transformers 5's rope_parameters", () => {
    const rope_parameters = { rope_type: 'default', rope_theta: 1e6 };
    const moved = { ...json, rope_theta: undefined, rope_parameters };
    expect(modelConfigFromJson(moved).rope_theta).toBe(1e6);
    expect(() => modelConfigFromJson({ ...moved, rope_parameters: { rope_type: 'yarn' } })).toThrow(
      /rope_parameters\.rope_type: got "yarn"/,
    );
  });

  it.each([
    ['model_type', { ...json, model_type: 'gpt2' }],
    ['hidden_size', { ...json, hidden_size: '16' }],
    ['vocab_size', { ...json, vocab_size: undefined }],
    ['hidden_act', { ...json, hidden_act: 'gelu' }],
    ['rope_scaling', { ...json, rope_scaling: { rope_type: 'llama3', factor: 8 } }],
    ['mlp_bias', { ...json, mlp_bias: true }],
    ['attention_bias', { ...json, attention_bias: true }],
    ['use_sliding_window', { ...json, model_type: 'qwen2', use_sliding_window: true }],
  ])('refuses another %s', (name, json) => {
    expect(() => modelConfigFromJson(json)).toThrow(
      expect.objectContaining({ code: 'bad_input', field: `config.json: ${name}` }) as Error,
    );
  });

  it.each([null, 3, 'llama'])('refuses %s for a configuration', (value) => {
    expect(() => modelConfigFromJson(value)).toThrow(/^config\.json/);
  });
});
