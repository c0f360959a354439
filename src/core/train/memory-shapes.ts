/**
 * Floats that a part of the network takes while it runs, or that its gradient keeps. `fused` counts the
 * outputs of our kernels, `plain` those of the operations in tensor/plain.ts.
 */
import type { ModelConfig } from '../model/config.ts';

/** Our kernels on wasm, or plain operations elsewhere. */
export type TensorPath = 'fused' | 'plain';

interface Widths {
  hidden: number;
  mlp: number;
  /** Query heads together, and key or value heads together. */
  queries: number;
  keys: number;
  /** Keys and values are repeated for each query head. */
  repeated: boolean;
  heads: number;
  headDim: number;
}

const widths = (config: ModelConfig): Widths => ({
  hidden: config.hidden_size,
  mlp: config.intermediate_size,
  queries: config.num_attention_heads * config.head_dim,
  keys: config.num_key_value_heads * config.head_dim,
  repeated: config.num_key_value_heads < config.num_attention_heads,
  heads: config.num_attention_heads,
  headDim: config.head_dim,
});

/** A row of fused query, key and value. */
export const qkvWidth = (config: ModelConfig): number =>
  (config.num_attention_heads + 2 * config.num_key_value_heads) * config.head_dim;

/** Floats of a token in one layer, everything but attention itself. */
function layerFloats(config: ModelConfig, path: TensorPath): number {
  const { hidden, mlp, queries, keys, headDim } = widths(config);
  const qkv = qkvWidth(config);
  // Two norms, two sums, two outputs; two rows of qkv; gate, up and their product.
  if (path === 'fused') return 6 * hidden + 2 * qkv + 3 * mlp;
  const rotated = 6 * (queries + keys) + keys + headDim;
  return 10 * hidden + 2 * qkv + rotated + 7 * mlp;
}

/** Splitting heads copies twice, and once more where keys and values are repeated. */
const splitFloats = ({ queries, keys, repeated }: Widths): number =>
  4 * keys + (repeated ? 2 * queries : 0);

/** Floats of a token in one layer of a forward pass over rows of `length` tokens. */
export function forwardFloats(config: ModelConfig, path: TensorPath, length: number): number {
  const w = widths(config);
  const attention =
    path === 'fused'
      ? w.queries + 2 * w.heads
      : 4 * w.queries + splitFloats(w) + 4 * w.heads * length;
  return layerFloats(config, path) + attention;
}

/** Floats of a sample in one layer while it writes one token; `context` is prompt and completion. */
export function decodeFloats(
  config: ModelConfig,
  path: TensorPath,
  prompt: number,
  completion: number,
): number {
  const w = widths(config);
  if (path === 'fused') return layerFloats(config, path) + w.queries;
  const qkv = qkvWidth(config);
  const context = prompt + completion;
  const copies = 2 * completion * qkv + prompt * qkv + context * qkv;
  const attention = context * (splitFloats(w) + 4 * w.heads);
  return layerFloats(config, path) + w.queries + copies + attention;
}

/** Rows of logits that a prediction needs: sampling, training forwards, training backwards. */
export const LOGIT_ROWS = {
  fused: { sample: 2, forward: 1, backward: 1 },
  plain: { sample: 6, forward: 2, backward: 6 },
} as const;

/** What a backward pass adds to a forward pass. */
export const BACKWARD_SHARE = { fused: 1, plain: 1.5 } as const;
