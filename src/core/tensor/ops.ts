/**
 * The operations the policy is made of. On wasm and WebGPU they run as kernels of our own (wasm/,
 * webgpu/), elsewhere — and everywhere with `usePlain(true)` — as the twins in plain.ts, which are
 * ordinary tfjs operations. All shapes are 2-D: tokens are rows.
 */
import { tf, type Scalar, type Tensor, type Tensor1D, type Tensor2D, type Variable } from '#tfjs';
import { differentiable } from './differentiable.ts';
import * as plain from './plain.ts';

let plainOnly = false;

/** Forces the plain twins, so that anyone can check a result without our kernels. */
export function usePlain(on: boolean): void {
  plainOnly = on;
}

/** Whether kernels of our own run: startBackend registers them where there are any. */
export function fused(): boolean {
  return !plainOnly && has('StepMatMul');
}

/** Whether the backend in use has this kernel: not all have every one. */
const has = (name: string): boolean => tf.getKernel(name, tf.getBackend()) !== undefined;

function kernel<T extends Tensor | Tensor[]>(
  name: string,
  inputs: Record<string, Tensor>,
  attrs: Record<string, number | boolean> = {},
): T {
  const numbers = Object.fromEntries(Object.entries(attrs).map(([key, v]) => [key, Number(v)]));
  return tf.engine().runKernel(name, inputs, numbers) as unknown as T;
}

const product = (a: Tensor, b: Tensor, transA: boolean, transB: boolean): Tensor2D =>
  kernel('StepMatMul', { a, b }, { transA, transB });

/** Gradients of a · b, or a · bᵀ when `transB`. */
const productGradients = (dy: Tensor, a: Tensor, b: Tensor, transB: boolean): [Tensor, Tensor] => [
  product(dy, b, false, !transB),
  transB ? product(dy, a, true, false) : product(a, dy, true, false),
];

/** a (M, K) · b (K, N), or b (N, K) when `transB`. */
export function matmul(a: Tensor2D, b: Tensor2D, transB = false): Tensor2D {
  if (!fused()) return plain.matmul(a, b, transB);
  return differentiable(
    (save, x, w) => {
      save([x, w]);
      return {
        value: product(x, w, false, transB),
        gradFunc: (dy, [x, w]) => productGradients(dy, x!, w!, transB),
      };
    },
    a,
    b,
  ) as Tensor2D;
}

/** plus (M, N) + matmul(a, b, transB). */
export function addMatmul(plus: Tensor2D, a: Tensor2D, b: Tensor2D, transB = false): Tensor2D {
  if (!fused() || !has('StepMatMulAdd')) return tf.add(plus, matmul(a, b, transB));
  return differentiable(
    (save, plus, x, w) => {
      save([x, w]);
      return {
        value: kernel<Tensor>('StepMatMulAdd', { a: x, b: w, plus }, { transB }),
        gradFunc: (dy, [x, w]) => [tf.clone(dy), ...productGradients(dy, x!, w!, transB)],
      };
    },
    plus,
    a,
    b,
  ) as Tensor2D;
}

/** Rows of table (V, d) at index (N) int32. */
export function gatherRows(table: Tensor2D, index: Tensor1D): Tensor2D {
  if (!fused()) return plain.gatherRows(table, index);
  const outRows = table.shape[0];
  return differentiable((save, table) => {
    save([index]);
    return {
      value: kernel('StepGatherRows', { table, index }),
      gradFunc: (values, [index]) =>
        kernel<Tensor>('StepScatterRows', { values, index: index! }, { outRows }),
    };
  }, table) as Tensor2D;
}

/** x / rms(x) · weight, x (N, d), weight (d). Zhang & Sennrich 2019. */
export function rmsNorm(x: Tensor2D, weight: Tensor1D, eps: number): Tensor2D {
  if (!fused()) return plain.rmsNorm(x, weight, eps);
  return differentiable(
    (save, x, weight) => {
      save([x, weight]);
      return {
        value: kernel<Tensor>('StepRmsNorm', { x, weight }, { eps }),
        gradFunc: (dy, saved) => {
          const [x, weight] = saved as [Tensor, Tensor];
          return kernel<Tensor[]>('StepRmsNormGrad', { x, weight, dy }, { eps });
        },
      };
    },
    x,
    weight,
  ) as Tensor2D;
}

/** Head layout of a fused query-key-value row: H query heads, then KV key heads, then KV value heads. */
export interface Heads {
  heads: number;
  keyValueHeads: number;
  headDim: number;
}

/** cos and sin of position · frequency, each (maximum positions, headDim / 2). */
export interface RotaryTables {
  cos: Tensor2D;
  sin: Tensor2D;
}

/** Rotates query and key heads of qkv (N, W) by position (N) int32. Su et al. 2021, Llama's layout. */
export function rotary(
  qkv: Tensor2D,
  position: Tensor1D,
  tables: RotaryTables,
  { heads, keyValueHeads, headDim }: Heads,
): Tensor2D {
  if (!fused()) return plain.rotary(qkv, position, tables, { heads, keyValueHeads, headDim });
  const layout = { heads: heads + keyValueHeads, valueHeads: keyValueHeads, headDim };
  return differentiable((save, qkv) => {
    save([position, tables.cos, tables.sin]);
    return {
      value: kernel<Tensor>('StepRotary', { qkv, position, ...tables }, { ...layout, sign: 1 }),
      gradFunc: (dy, saved) => {
        const [position, cos, sin] = saved as [Tensor, Tensor, Tensor];
        return kernel<Tensor>(
          'StepRotary',
          { qkv: dy, position, cos, sin },
          { ...layout, sign: -1 },
        );
      },
    };
  }, qkv) as Tensor2D;
}

/**
 * Which positions a token sees, each (B·T) int32 and relative to its row: [prefixStart, prefixEnd)
 * and [segmentStart, itself]. Zeros are plain causal attention; a group's completions share one
 * prompt as their prefix; unrelated examples packed into one row are segments of their own.
 */
export interface Visibility {
  prefixStart: Tensor1D;
  prefixEnd: Tensor1D;
  segmentStart: Tensor1D;
}

/** Grouped-query attention over rotated qkv (B·T, W) → (B·T, H·headDim). */
export function attention(
  qkv: Tensor2D,
  visibility: Visibility,
  batch: number,
  layout: Heads,
): Tensor2D {
  if (!fused()) return plain.attention(qkv, visibility, batch, layout);
  const attrs = {
    ...{ ...layout, batch, length: qkv.shape[0] / batch },
    scale: 1 / Math.sqrt(layout.headDim),
  };
  const { prefixStart, prefixEnd, segmentStart } = visibility;
  return differentiable((save, qkv) => {
    const inputs = { qkv, prefixStart, prefixEnd, segmentStart };
    const [value, stats] = kernel<Tensor[]>('StepAttention', inputs, attrs) as [Tensor, Tensor];
    save([qkv, stats, value, prefixStart, prefixEnd, segmentStart]);
    return {
      value,
      gradFunc: (dOut, saved) => {
        const names = ['qkv', 'stats', 'out', 'prefixStart', 'prefixEnd', 'segmentStart'];
        const kept = Object.fromEntries(names.map((name, i) => [name, saved[i]!]));
        return kernel<Tensor>('StepAttentionGrad', { ...kept, dOut }, attrs);
      },
    };
  }, qkv) as Tensor2D;
}

/** One layer's keys and values while sampling: the prompts, shared by their samples, and the samples' own. */
export interface DecodeCache {
  /** Rotated qkv of the prompts, (P·promptRows, W). */
  prompts: Tensor2D;
  promptRows: number;
  /** Tokens of each prompt, (P) int32. */
  promptLength: Tensor1D;
  /** Which prompt each sample continues, (R) int32. */
  promptOf: Tensor1D;
  /**
   * What is kept of the samples' tokens so far, (R, capacity·W), zero at first: their rotated qkv, or keys
   * and values in a kernel's own order.
   */
  own: Tensor2D;
  capacity: number;
}

/**
 * Attention for one new token per sample: qkv (R, W) at its sample's token number `step` → (R, H·headDim).
 * Adds the token to `cache.own`, which is changed in place or replaced. No gradient.
 */
export function attentionDecode(
  qkv: Tensor2D,
  cache: DecodeCache,
  step: number,
  layout: Heads,
): Tensor2D {
  if (!fused()) return plain.attentionDecode(qkv, cache, step, layout);
  const { prompts, promptRows, promptLength, promptOf, own, capacity } = cache;
  return kernel(
    'StepAttentionDecode',
    { qkv, prompts, promptLength, promptOf, cache: own },
    { ...layout, promptRows, capacity, step, scale: 1 / Math.sqrt(layout.headDim) },
  );
}

/** silu(gate) · up for gateUp (N, 2·F) → (N, F). Shazeer 2020. */
export function swiGlu(gateUp: Tensor2D): Tensor2D {
  if (!fused()) return plain.swiGlu(gateUp);
  return differentiable((save, x) => {
    save([x]);
    return {
      value: kernel<Tensor>('StepSwiGlu', { gateUp: x }),
      gradFunc: (dOut, saved) => kernel<Tensor>('StepSwiGluGrad', { gateUp: saved[0]!, dOut }),
    };
  }, gateUp) as Tensor2D;
}

/**
 * Log-probability of one token per row and the row's entropy in nats, both (N), for
 * softmax(logits / temperature). The entropy carries no gradient.
 */
export function tokenLogProbs(
  logits: Tensor2D,
  tokens: Tensor1D,
  temperature = 1,
): { logProbs: Tensor1D; entropies: Tensor1D } {
  if (!fused()) return plain.tokenLogProbs(logits, tokens, temperature);
  const both = differentiable((save, x) => {
    save([x, tokens]);
    return {
      value: kernel<Tensor>('StepTokenLogProbs', { logits: x, tokens }, { temperature }),
      gradFunc: (dy, saved) => {
        const inputs = { logits: saved[0]!, tokens: saved[1]!, dLogProbs: dy };
        return kernel<Tensor>('StepTokenLogProbsGrad', inputs, { temperature });
      },
    };
  }, logits) as Tensor2D;
  const count = logits.shape[0];
  return {
    logProbs: tf.reshape(tf.slice(both, [0, 0], [1, count]), [count]),
    entropies: tf.reshape(tf.slice(both, [1, 0], [1, count]), [count]),
  };
}

/** Softmax of logits / temperature (N, V) and its entropy in nats (N); no gradient. */
export function softmaxEntropy(
  logits: Tensor2D,
  temperature: number,
): { probs: Tensor2D; entropies: Tensor1D } {
  if (!fused()) return plain.softmaxEntropy(logits, temperature);
  const [probs, entropies] = kernel<Tensor[]>('StepSoftmaxEntropy', { logits }, { temperature });
  return { probs: probs as Tensor2D, entropies: entropies as Tensor1D };
}

/**
 * One token per row of softmax(logits / temperature), by inverse CDF at `uniforms` (N) in [0, 1) or, when
 * `greedy`, the likeliest: (3, N), the tokens, their log-probabilities, the rows' entropies in nats. A kernel
 * only, where `fused`: its twin is `draw` of the probabilities (model/sample.ts).
 */
export function drawTokens(
  logits: Tensor2D,
  uniforms: Tensor1D,
  temperature: number,
  greedy: boolean,
): Tensor2D {
  return kernel('StepDrawTokens', { logits, uniforms }, { temperature, greedy });
}

export interface AdamWStep {
  /** Multiplies the gradient first: the clipping factor. */
  gradScale: number;
  learningRate: number;
  beta1: number;
  beta2: number;
  /** 1 − beta^t for the bias correction. */
  correction1: number;
  correction2: number;
  eps: number;
  decay: number;
}

/** Σ of the squares of all elements of all tensors, a scalar: what the global norm is the root of. */
export function sumSquares(tensors: readonly Tensor[]): Scalar {
  if (!fused()) return plain.sumSquares(tensors);
  return kernel('StepSumSquares', Object.fromEntries(tensors.map((x, i) => [`x${i}`, x])));
}

/** One AdamW update of param, m and v in place (Loshchilov & Hutter 2019). */
export function adamW(
  param: Variable,
  grad: Tensor,
  m: Variable,
  v: Variable,
  step: AdamWStep,
): void {
  if (!fused()) {
    plain.adamW(param, grad, m, v, step);
    return;
  }
  kernel<Tensor>('StepAdamW', { param, grad, m, v }, { ...step }).dispose();
}
