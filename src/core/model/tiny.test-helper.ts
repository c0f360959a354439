import { tf } from '#tfjs';
import { Stream } from '../random/stream.ts';
import type { ModelConfig } from './config.ts';
import { pack, toTensors, type PackItem } from './pack.ts';
import { initPolicy, type Policy } from './policy.ts';

export const tinyConfig: ModelConfig = {
  vocab_size: 32,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 8,
  max_position_embeddings: 128,
  rope_theta: 10_000,
  rms_norm_eps: 1e-6,
  tie_word_embeddings: true,
  attention_bias: false,
};

/** A policy far from its initialisation: peaked distributions, norms and biases that matter. */
export function tinyPolicy(changes: Partial<ModelConfig> = {}, seed = 1): Policy {
  const policy = initPolicy({ ...tinyConfig, ...changes }, seed);
  for (const [name, parameter] of policy.parameters) {
    const stream = new Stream(seed, `tiny/${name}`);
    const values = Float32Array.from({ length: parameter.size }, () =>
      name.endsWith('norm') ? 1 + 0.3 * stream.normal() : 0.4 * stream.normal(),
    );
    tf.tidy(() => parameter.assign(tf.tensor(values, parameter.shape)));
  }
  return policy;
}

export const someTokens = (length: number, vocabulary: number, stream: Stream): Int32Array =>
  Int32Array.from({ length }, () => stream.int(vocabulary));

/** Log-probability and entropy of every completion token, items then completions in order. */
export function scores(
  policy: Policy,
  items: PackItem[],
  temperature = 1,
): { logProbs: number[]; entropies: number[] } {
  const { input, rows, targets } = toTensors(pack(items, { rowLength: 24, multiple: 8 }));
  const result = tf.tidy(() => policy.tokenLogProbs(input, rows, targets, temperature));
  const [logProbs, entropies] = [result.logProbs, result.entropies].map((tensor) =>
    Array.from(tensor.dataSync()),
  ) as [number[], number[]];
  const { tokens, position, visibility } = input;
  tf.dispose([tokens, position, Object.values(visibility), rows, targets, Object.values(result)]);
  return { logProbs, entropies };
}

/** Largest |a − b| over |b|'s scale, at least 1. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let [difference, scale] = [0, 1];
  for (let i = 0; i < a.length; i++) {
    scale = Math.max(scale, Math.abs(b[i]!));
    difference = Math.max(difference, Math.abs(a[i]! - b[i]!));
  }
  return difference / scale;
}
