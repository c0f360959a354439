/** Shapes that follow from a configuration or are fixed, for those who need no tensors. */
import type { ModelConfig } from './config.ts';

/** Name and shape of every parameter, in order. */
export function parameterShapes(config: ModelConfig): [string, number[]][] {
  const d = config.hidden_size;
  const mixed = config.num_attention_heads * config.head_dim;
  const qkv = mixed + 2 * config.num_key_value_heads * config.head_dim;
  const shapes: [string, number[]][] = [['embed', [config.vocab_size, d]]];
  for (let i = 0; i < config.num_hidden_layers; i++) {
    const p = `layers.${i}.`;
    shapes.push([`${p}attention_norm`, [d]], [`${p}qkv`, [qkv, d]]);
    if (config.attention_bias) shapes.push([`${p}qkv_bias`, [qkv]]);
    shapes.push([`${p}attention_out`, [d, mixed]], [`${p}mlp_norm`, [d]]);
    shapes.push([`${p}gate_up`, [2 * config.intermediate_size, d]]);
    shapes.push([`${p}mlp_out`, [d, config.intermediate_size]]);
  }
  shapes.push(['norm', [d]]);
  if (!config.tie_word_embeddings) shapes.push(['lm_head', [config.vocab_size, d]]);
  return shapes;
}

export interface PackOptions {
  /** Rows are at least this long, so that short items can share one. */
  rowLength: number;
  /** Lengths are rounded up to a multiple: few shapes, few compilations on WebGPU. */
  multiple: number;
}

/** How training packs texts into rows. */
export const PACK: PackOptions = { rowLength: 256, multiple: 32 };

/** Prompts to sample from are padded to a multiple of this. */
export const PROMPT_MULTIPLE = 16;
