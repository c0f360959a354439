/**
 * The policy: a decoder-only transformer of the Llama family with its parameters as tfjs variables.
 * Projections that read the same input are one matrix (query|key|value, gate|up); checkpoints split
 * them into Hugging Face's names (checkpoint.ts).
 */
import { tf, type Tensor, type Tensor1D, type Tensor2D, type Variable } from '#tfjs';
import { badInput } from '../errors.ts';
import { cos, exp, log, sin } from '../random/math.ts';
import { Stream } from '../random/stream.ts';
import * as ops from '../tensor/ops.ts';
import type { Heads, RotaryTables, Visibility } from '../tensor/ops.ts';
import { scoped } from '../tensor/scope.ts';
import { checkModelConfig, type ModelConfig } from './config.ts';
import { parameterShapes } from './shapes.ts';

/** Token rows as the network reads them: B rows of T tokens, flattened. */
export interface TokenBatch {
  /** (B·T) int32. */
  tokens: Tensor1D;
  /** Position of each token in its own text, (B·T) int32. */
  position: Tensor1D;
  visibility: Visibility;
  batch: number;
}

/** Called with each layer's rotated qkv, in order: how sampling keeps its cache. */
export type OnLayer = (layer: number, qkv: Tensor2D) => void;

export class Policy {
  readonly config: ModelConfig;
  readonly heads: Heads;
  readonly rotary: RotaryTables;
  /** Every parameter by name, in a fixed order. */
  readonly parameters: Map<string, Variable>;

  constructor(config: ModelConfig, parameters: Map<string, Variable>) {
    this.config = checkModelConfig(config);
    this.heads = {
      heads: config.num_attention_heads,
      keyValueHeads: config.num_key_value_heads,
      headDim: config.head_dim,
    };
    this.rotary = rotaryTables(config);
    this.parameters = parameters;
  }

  /**
   * Refuses texts that have no rotary angles for their last tokens: kernels read unchecked addresses.
   * @throws StepSqlError naming max_position_embeddings
   */
  checkLength(tokens: number): void {
    const { max_position_embeddings: limit } = this.config;
    if (tokens > limit) {
      throw badInput(
        'model.max_position_embeddings',
        limit,
        `at least ${tokens}, the longest prompt with its completion in tokens`,
      );
    }
  }

  #get<T extends Tensor1D | Tensor2D>(name: string): T {
    return this.parameters.get(name)! as unknown as T;
  }

  /** Hidden states after the final norm, (B·T, hidden_size). */
  hidden(input: TokenBatch, onLayer?: OnLayer): Tensor2D {
    return this.#run(input.tokens, input.position, (layer, qkv) => {
      onLayer?.(layer, qkv);
      return ops.attention(qkv, input.visibility, input.batch, this.heads);
    });
  }

  /** Hidden states of one new token per sample; `attend` mixes each layer's qkv with its cache. */
  decode(
    tokens: Tensor1D,
    position: Tensor1D,
    attend: (layer: number, qkv: Tensor2D) => Tensor2D,
  ): Tensor2D {
    return this.#run(tokens, position, attend);
  }

  #run(
    tokens: Tensor1D,
    position: Tensor1D,
    attend: (layer: number, qkv: Tensor2D) => Tensor2D,
  ): Tensor2D {
    const { rms_norm_eps: eps, num_hidden_layers: layers } = this.config;
    let x = ops.gatherRows(this.#get('embed'), tokens);
    for (let i = 0; i < layers; i++) {
      // What a gradient needs of a layer it keeps; the rest goes before the next layer.
      x = tf.tidy(() => this.#layer(i, x, position, attend));
    }
    return ops.rmsNorm(x, this.#get('norm'), eps);
  }

  #layer(
    i: number,
    input: Tensor2D,
    position: Tensor1D,
    attend: (layer: number, qkv: Tensor2D) => Tensor2D,
  ): Tensor2D {
    const { rms_norm_eps: eps, attention_bias: bias } = this.config;
    const p = `layers.${i}.`;
    const normed = ops.rmsNorm(input, this.#get(`${p}attention_norm`), eps);
    let qkv = ops.matmul(normed, this.#get(`${p}qkv`), true);
    if (bias) qkv = tf.add(qkv, this.#get(`${p}qkv_bias`));
    const mixed = attend(i, ops.rotary(qkv, position, this.rotary, this.heads));
    const x = ops.addMatmul(input, mixed, this.#get(`${p}attention_out`), true);
    const wide = ops.matmul(
      ops.rmsNorm(x, this.#get(`${p}mlp_norm`), eps),
      this.#get(`${p}gate_up`),
      true,
    );
    return ops.addMatmul(x, ops.swiGlu(wide), this.#get(`${p}mlp_out`), true);
  }

  /** Logits (N, vocab_size) of hidden states (N, hidden_size). */
  logits(hidden: Tensor2D): Tensor2D {
    const { tie_word_embeddings: tied } = this.config;
    return ops.matmul(hidden, this.#get(tied ? 'embed' : 'lm_head'), true);
  }

  /**
   * Log-probability and entropy of each target, both (N): target i is the token that follows row
   * `rows[i]` of the batch.
   */
  tokenLogProbs(
    input: TokenBatch,
    rows: Tensor1D,
    targets: Tensor1D,
    temperature = 1,
  ): { logProbs: Tensor1D; entropies: Tensor1D } {
    const hidden = ops.gatherRows(this.hidden(input), rows);
    return ops.tokenLogProbs(this.logits(hidden), targets, temperature);
  }

  /** A copy with parameters of its own: by default frozen, as the reference of a KL term. */
  clone(trainable = false): Policy {
    // Of a clone: a variable made of a variable shares its data, and AdamW changes that in place.
    return makePolicy(this.config, (name) => tf.clone(this.parameters.get(name)!), trainable);
  }

  parameterCount(): number {
    let count = 0;
    for (const value of this.parameters.values()) count += value.size;
    return count;
  }

  /** All parameters as one array, in order: what the fingerprint hashes. */
  async weights(): Promise<Float32Array> {
    const parts = await Promise.all(Array.from(this.parameters.values(), (value) => value.data()));
    const all = new Float32Array(this.parameterCount());
    let offset = 0;
    for (const part of parts) {
      all.set(part, offset);
      offset += part.length;
    }
    return all;
  }

  /** Takes up what `weights` gave. */
  setWeights(all: Float32Array): void {
    let offset = 0;
    for (const value of this.parameters.values()) {
      const part = all.slice(offset, offset + value.size);
      tf.tidy(() => value.assign(tf.tensor(part, value.shape)));
      offset += value.size;
    }
  }

  dispose(): void {
    for (const value of this.parameters.values()) value.dispose();
    this.rotary.cos.dispose();
    this.rotary.sin.dispose();
  }
}

function rotaryTables(config: ModelConfig): RotaryTables {
  const half = config.head_dim / 2;
  const cosines = new Float32Array(config.max_position_embeddings * half);
  const sines = new Float32Array(cosines.length);
  const logTheta = log(config.rope_theta);
  for (let position = 0; position < config.max_position_embeddings; position++) {
    for (let d = 0; d < half; d++) {
      const angle = position * exp((-d / half) * logTheta);
      cosines[position * half + d] = cos(angle);
      sines[position * half + d] = sin(angle);
    }
  }
  const shape: [number, number] = [config.max_position_embeddings, half];
  return { cos: tf.tensor2d(cosines, shape), sin: tf.tensor2d(sines, shape) };
}

/** A policy with the parameters that `value` gives. When memory runs out, nothing is left behind. */
export function makePolicy(
  config: ModelConfig,
  value: (name: string, shape: number[]) => Tensor,
  trainable = true,
): Policy {
  return scoped((keep) => {
    const parameters = new Map<string, Variable>();
    for (const [name, shape] of parameterShapes(config)) {
      parameters.set(name, keep(tf.variable(value(name, shape), trainable)));
    }
    const policy = new Policy(config, parameters);
    keep(policy.rotary.cos);
    keep(policy.rotary.sin);
    return policy;
  });
}

/**
 * A policy with fresh weights, a function of the seed alone: normal with deviation 1/√fan_in, outputs
 * of residual branches scaled by 1/√(2·layers) (GPT-2), norms at one, biases at zero.
 */
export function initPolicy(config: ModelConfig, seed: number): Policy {
  checkModelConfig(config);
  return makePolicy(config, (name, shape) => {
    const values = new Float32Array(shape.reduce((product, n) => product * n, 1));
    if (name.endsWith('norm')) values.fill(1);
    else if (shape.length === 2) {
      const residual = name.endsWith('_out') ? 1 / Math.sqrt(2 * config.num_hidden_layers) : 1;
      const deviation = residual / Math.sqrt(name === 'embed' ? 4 * shape[1]! : shape[1]!);
      const stream = new Stream(seed, `init/${name}`);
      for (let i = 0; i < values.length; i++) values[i] = deviation * stream.normal();
    }
    return tf.tensor(values, shape);
  });
}
