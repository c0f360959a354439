import type { ModelConfig } from '../src/core/model/config.ts';
import type { Packed } from '../src/core/model/pack.ts';

export interface BenchResult {
  name: string;
  /** Ours over the rival's, both measured in this run. */
  ratio: number;
  goal: number;
  unit: string;
  /** Rates in `unit`. */
  ours: number;
  rival: number;
  /** What the rival is. */
  against: string;
  /** Ours, in floating point operations of the model per second (GFLOP/s). */
  gflops?: number;
}

export const median = (values: number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
};

/** Median seconds of each, taken in turns after one turn to warm up. */
export async function interleaved(repeats: number, ...runs: (() => unknown)[]): Promise<number[]> {
  const seconds = runs.map((): number[] => []);
  for (let repeat = 0; repeat <= repeats; repeat++) {
    for (const [i, run] of runs.entries()) {
      const start = performance.now();
      await run();
      if (repeat > 0) seconds[i]!.push((performance.now() - start) / 1000);
    }
  }
  return seconds.map(median);
}

/** The small policy every recipe starts from by default. */
export const MODEL: ModelConfig = {
  vocab_size: 2048,
  hidden_size: 64,
  intermediate_size: 192,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 16,
  max_position_embeddings: 1024,
  rope_theta: 10_000,
  rms_norm_eps: 1e-6,
  tie_word_embeddings: true,
  attention_bias: false,
};

/**
 * Operations of a forward pass: a multiplication and an addition for each weight a token meets, and for
 * each head dimension of each position it attends to, once for scores and once for values.
 *
 * @param tokens through the layers
 * @param seen positions attended to, summed over tokens
 * @param predictions rows of logits
 */
export function forwardOperations(
  { hidden_size: d, intermediate_size, vocab_size, num_hidden_layers, ...config }: ModelConfig,
  { tokens, seen, predictions }: { tokens: number; seen: number; predictions: number },
): number {
  const mixed = config.num_attention_heads * config.head_dim;
  const keys = config.num_key_value_heads * config.head_dim;
  const weights = d * (mixed + 2 * keys) + mixed * d + 3 * d * intermediate_size;
  return (
    2 * (num_hidden_layers * (tokens * weights + 2 * seen * mixed) + predictions * d * vocab_size)
  );
}

/** Positions that the tokens of packed rows attend to in all. */
export function positionsSeen(packed: Packed): number {
  let seen = 0;
  packed.tokens.forEach((_, i) => {
    const own = (i % packed.length) + 1 - packed.segmentStart[i]!;
    seen += packed.prefixEnd[i]! - packed.prefixStart[i]! + own;
  });
  return seen;
}
