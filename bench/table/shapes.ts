/**
 * Which models the bench measures, and on how much work. Widths and depths are those that TinyGPT
 * publishes (0.37, 0.84, 2.7 and 6.4 M parameters with its own vocabulary), as this project builds them:
 * grouped-query attention and SwiGLU, whose three matrices of 8/3 · d weigh what its two of 4 · d do.
 * The first is the policy that every recipe starts from; the last has more than 30 M parameters.
 */
import { badInput } from '../../src/core/errors.ts';
import type { ModelConfig } from '../../src/core/model/config.ts';
import type { PackItem } from '../../src/core/model/pack.ts';
import { parameterShapes } from '../../src/core/model/shapes.ts';
import { Stream } from '../../src/core/random/stream.ts';

export interface BenchShape {
  /** hidden_size, by which a shape is asked for. */
  size: number;
  config: ModelConfig;
  /** Prompts in an optimiser step, and to sample from. */
  groups: number;
  /** Whether plain tfjs takes part; where it does not, one step of it takes minutes. */
  plain: boolean;
}

/** Completions of each prompt. */
export const SAMPLES = 8;
/** Tokens that each sample gets when decoding is measured. */
export const NEW_TOKENS = 64;
/** As many with plain tfjs, whose later tokens cost no less: the rest would take minutes. */
export const PLAIN_NEW_TOKENS = 16;

function config(
  hidden: number,
  layers: number,
  heads: number,
  keyValueHeads: number,
  intermediate: number,
): ModelConfig {
  return {
    vocab_size: 2048,
    hidden_size: hidden,
    intermediate_size: intermediate,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: keyValueHeads,
    head_dim: hidden / heads,
    max_position_embeddings: 1024,
    rope_theta: 10_000,
    rms_norm_eps: 1e-6,
    tie_word_embeddings: true,
    attention_bias: false,
  };
}

/** In order of size. Larger models get fewer groups, so that plain tfjs ends within a minute. */
export const SHAPES: readonly BenchShape[] = [
  { size: 64, config: config(64, 2, 4, 2, 192), groups: 4, plain: true },
  { size: 96, config: config(96, 3, 6, 3, 256), groups: 4, plain: true },
  { size: 128, config: config(128, 4, 4, 2, 344), groups: 4, plain: true },
  { size: 192, config: config(192, 6, 6, 3, 512), groups: 2, plain: true },
  { size: 256, config: config(256, 8, 8, 4, 688), groups: 1, plain: true },
  { size: 512, config: config(512, 10, 8, 4, 1376), groups: 1, plain: false },
];

/**
 * The shapes of these sizes, smallest first.
 * @throws StepSqlError when there is none of a size
 */
export function shapesOf(sizes: readonly number[], field = 'sizes'): BenchShape[] {
  for (const size of sizes) {
    if (!SHAPES.some((shape) => shape.size === size)) {
      throw badInput(field, size, `some of ${SHAPES.map((shape) => shape.size).join(', ')}`);
    }
  }
  return SHAPES.filter(({ size }) => sizes.includes(size));
}

export function parameterCount(config: ModelConfig): number {
  return parameterShapes(config).reduce(
    (sum, [, shape]) => sum + shape.reduce((product, n) => product * n, 1),
    0,
  );
}

/** What every rival is given, drawn from a fixed seed. */
export interface Workload {
  /** Prompts of 110 to 170 tokens, each with SAMPLES completions of 12 to 40. */
  items: PackItem[];
  /** One for each completion. */
  advantages: Float32Array;
  /** Tokens of all prompts, each once, and of all completions. */
  tokens: number;
  promptTokens: number;
  completionTokens: number;
}

export function workloadOf({ config, groups }: BenchShape): Workload {
  const stream = new Stream(1, 'bench/training');
  const draw = (low: number, high: number): Int32Array =>
    Int32Array.from({ length: stream.range(low, high) }, () => stream.int(config.vocab_size));
  const items = Array.from({ length: groups }, () => ({
    prompt: draw(110, 170),
    completions: Array.from({ length: SAMPLES }, () => draw(12, 40)),
  }));
  const advantages = Float32Array.from({ length: groups * SAMPLES }, () => stream.normal());
  const promptTokens = items.reduce((sum, { prompt }) => sum + prompt.length, 0);
  const completionTokens = items
    .flatMap(({ completions }) => completions)
    .reduce((sum, { length }) => sum + length, 0);
  return {
    ...{ items, advantages, promptTokens, completionTokens },
    tokens: promptTokens + completionTokens,
  };
}
