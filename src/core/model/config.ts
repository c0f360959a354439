/**
 * What a policy network is, in Hugging Face's names (`config.json`). The Llama family: RMSNorm, rotary
 * positions, grouped-query attention, SwiGLU; `attention_bias` is Qwen2's.
 */
import { badInput } from '../errors.ts';

export interface ModelConfig {
  vocab_size: number;
  hidden_size: number;
  intermediate_size: number;
  num_hidden_layers: number;
  num_attention_heads: number;
  num_key_value_heads: number;
  head_dim: number;
  max_position_embeddings: number;
  rope_theta: number;
  rms_norm_eps: number;
  tie_word_embeddings: boolean;
  attention_bias: boolean;
}

/** The kernels work on four floats at a time; rotary halves each head first. */
const multiples: Partial<Record<keyof ModelConfig, number>> = {
  vocab_size: 4,
  hidden_size: 4,
  intermediate_size: 4,
  head_dim: 8,
};

const real: readonly string[] = ['rope_theta', 'rms_norm_eps'];

/** Refuses a configuration the network cannot be built from. */
export function checkModelConfig(config: ModelConfig, field = 'model'): ModelConfig {
  for (const [name, value] of Object.entries(config)) {
    if (typeof value !== 'number') continue;
    const whole = !real.includes(name);
    if (!(value > 0 && Number.isFinite(value) && (!whole || Number.isInteger(value)))) {
      throw badInput(`${field}.${name}`, value, whole ? 'a positive integer' : 'a positive number');
    }
  }
  for (const [name, multiple] of Object.entries(multiples)) {
    const value = config[name as keyof ModelConfig] as number;
    if (value % multiple! !== 0) {
      throw badInput(`${field}.${name}`, value, `a multiple of ${multiple}`);
    }
  }
  if (config.num_attention_heads % config.num_key_value_heads !== 0) {
    throw badInput(
      `${field}.num_key_value_heads`,
      config.num_key_value_heads,
      `a divisor of num_attention_heads (${config.num_attention_heads})`,
    );
  }
  return config;
}

/** Variants of the family that are not built here, and the value that means without. */
const unsupported: readonly [field: string, without: unknown][] = [
  ['hidden_act', 'silu'],
  ['rope_scaling', null],
  ['mlp_bias', false],
  ['use_sliding_window', false],
];

/**
 * Reads Hugging Face's `config.json` of a Llama or Qwen2 checkpoint. Fields that are missing have
 * transformers' defaults; variants whose result would differ are refused.
 */
export function modelConfigFromJson(json: unknown, file = 'config.json'): ModelConfig {
  if (typeof json !== 'object' || json === null) throw badInput(file, json, 'a JSON object');
  const raw = json as Record<string, unknown>;
  const type = raw['model_type'];
  if (type !== 'llama' && type !== 'qwen2') {
    throw badInput(`${file}: model_type`, type, '"llama" or "qwen2"');
  }
  for (const [name, without] of unsupported) {
    const value = raw[name] ?? without;
    if (value !== without) throw badInput(`${file}: ${name}`, value, JSON.stringify(without));
  }
  // transformers' Llama puts that bias on the output projection too; Qwen2 does not.
  if (type === 'llama' && raw['attention_bias'] === true) {
    throw badInput(`${file}: attention_bias`, true, 'false, or model_type "qwen2"');
  }
  // transformers 5 moved the base of the rotary positions in here.
  const rope = (raw['rope_parameters'] ?? {}) as { rope_theta?: number; rope_type?: string };
  if ((rope.rope_type ?? 'default') !== 'default') {
    throw badInput(`${file}: rope_parameters.rope_type`, rope.rope_type, '"default"');
  }
  const number = (name: string, fallback?: number): number => {
    const value = raw[name] ?? fallback;
    if (typeof value !== 'number') throw badInput(`${file}: ${name}`, value, 'a number');
    return value;
  };
  const hidden = number('hidden_size');
  const heads = number('num_attention_heads');
  const config: ModelConfig = {
    vocab_size: number('vocab_size'),
    hidden_size: hidden,
    intermediate_size: number('intermediate_size'),
    num_hidden_layers: number('num_hidden_layers'),
    num_attention_heads: heads,
    num_key_value_heads: number('num_key_value_heads', heads),
    head_dim: number('head_dim', hidden / heads),
    max_position_embeddings: number('max_position_embeddings'),
    rope_theta: number('rope_theta', rope.rope_theta ?? 10_000),
    rms_norm_eps: number('rms_norm_eps', 1e-6),
    tie_word_embeddings: raw['tie_word_embeddings'] === true,
    attention_bias: type === 'qwen2',
  };
  return checkModelConfig(config, file);
}

/** The same as Hugging Face's `config.json`. */
export function modelConfigToJson(config: ModelConfig): Record<string, unknown> {
  return {
    architectures: [config.attention_bias ? 'Qwen2ForCausalLM' : 'LlamaForCausalLM'],
    model_type: config.attention_bias ? 'qwen2' : 'llama',
    hidden_act: 'silu',
    torch_dtype: 'float32',
    ...config,
  };
}
