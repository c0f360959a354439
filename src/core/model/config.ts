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

/** Refuses a configuration the network cannot be built from. */
export function checkModelConfig(config: ModelConfig, field = 'model'): ModelConfig {
  for (const [name, value] of Object.entries(config)) {
    if (typeof value === 'number' && !(value > 0 && Number.isFinite(value))) {
      throw badInput(`${field}.${name}`, value, 'a positive number');
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

/** Reads Hugging Face's `config.json` of a Llama or Qwen2 checkpoint. */
export function modelConfigFromJson(json: unknown, file = 'config.json'): ModelConfig {
  if (typeof json !== 'object' || json === null) throw badInput(file, json, 'a JSON object');
  const raw = json as Record<string, unknown>;
  const type = raw['model_type'];
  if (type !== 'llama' && type !== 'qwen2') {
    throw badInput(`${file}: model_type`, type, '"llama" or "qwen2"');
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
    rope_theta: number('rope_theta', 10000),
    rms_norm_eps: number('rms_norm_eps', 1e-6),
    tie_word_embeddings: raw['tie_word_embeddings'] !== false,
    attention_bias: type === 'qwen2' || raw['attention_bias'] === true,
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
