/**
 * The clipped surrogate of GRPO and its relatives, exactly as TRL's GRPOTrainer computes it
 * (papers.md §7). Tokens of all sequences are one flat list; how a loss type averages them is a weight
 * per token, so that the tensor part is one weighted sum.
 */
import { tf, type Scalar, type Tensor, type Tensor1D, type Tensor2D } from '#tfjs';
import { badInput } from '../errors.ts';
import { matmul } from '../tensor/ops.ts';
import { stopGradient } from '../tensor/differentiable.ts';

export const LOSS_TYPES = ['grpo', 'bnpo', 'dapo', 'dr_grpo', 'cispo', 'sapo'] as const;
export type LossType = (typeof LOSS_TYPES)[number];

/**
 * What stands in the place of min(ρA, clip(ρ)A): that itself; CISPO's min(ρ, epsilon_high)·A·log π with the ratio as
 * a constant (MiniMax-M1, arXiv 2506.13585); or SAPO's soft gate A·σ(τ(ρ − 1))·4/τ (arXiv 2511.20347).
 */
export type Surrogate = 'clip' | 'cispo' | 'sapo';

export const surrogateOf = (loss_type: LossType): Surrogate =>
  loss_type === 'cispo' || loss_type === 'sapo' ? loss_type : 'clip';

/** SAPO's temperatures τ, for advantages above 0 and others: TRL's defaults. */
const SAPO_TEMPERATURES = [1, 1.05] as const;

export interface SurrogateOptions {
  /** Default `clip`. */
  surrogate?: Surrogate;
  /** Ratios are clipped to [1 − epsilon, 1 + epsilon_high]; with `cispo` epsilon_high itself is the cap, as in TRL. */
  epsilon: number;
  epsilon_high: number | null;
  /** Upper bound of the unclipped ratio; null is none (INTELLECT-2's two-sided clipping, verl's dual clip). */
  delta: number | null;
  /** Weight of the k3 estimate of KL(policy ‖ reference); 0 needs no reference. */
  beta: number;
  importance_sampling_level: 'token' | 'sequence' | 'sequence_token';
}

/** Sizes that decide the token weights, in tokens and sequences that count for the loss. */
export interface LossScale {
  loss_type: LossType;
  max_completion_length: number;
  /** Sequences of the optimiser step. */
  sequences: number;
  /** Loss tokens of the optimiser step. */
  tokens: number;
  /** Loss tokens and share of the step's sequences of this forward pass: what bnpo calls local. */
  localTokens: number;
  localShare: number;
}

/** Weight of each token of a sequence with `length` loss tokens. */
export function tokenWeight(scale: LossScale, length: number): number {
  switch (scale.loss_type) {
    case 'grpo':
    case 'sapo': // mean over sequences of the mean over tokens
      return 1 / (scale.sequences * length);
    case 'bnpo': // mean over the tokens of each forward pass
      return scale.localShare / scale.localTokens;
    case 'dapo':
    case 'cispo': // mean over the tokens of the whole step
      return 1 / scale.tokens;
    case 'dr_grpo':
      return 1 / (scale.sequences * scale.max_completion_length);
    default:
      throw badInput('loss_type', scale.loss_type, `one of ${LOSS_TYPES.join(', ')}`);
  }
}

/** Flat token lists, all of length N; `sequence` says which sequence a token belongs to. */
export interface SurrogateInputs {
  logProbs: Tensor1D;
  /** At sampling time; null takes the current ones as constants, so that every ratio is 1. */
  oldLogProbs: Tensor1D | null;
  /** Of the reference policy; needed when beta > 0. */
  refLogProbs: Tensor1D | null;
  advantages: Tensor1D;
  /** `tokenWeight` per token, 0 where the mask is 0. */
  weights: Tensor1D;
  sequence: Int32Array;
  /** 1 where the token counts for the loss: for sequence-level ratios. */
  mask: Uint8Array | Float32Array;
}

export interface SurrogateResult {
  loss: Scalar;
  /** Ratios (N) and k3 terms (N), without gradient, for metrics. */
  ratios: Tensor1D;
  kl: Tensor1D | null;
}

/** GSPO: every token gets its sequence's mean log-ratio over loss tokens. */
function sequenceMeans(
  logRatios: Tensor1D,
  sequence: Int32Array,
  mask: ArrayLike<number>,
): Tensor1D {
  const tokens = sequence.length;
  const count = sequence.reduce((most, s) => Math.max(most, s), 0) + 1;
  const lengths = new Float64Array(count);
  sequence.forEach((s, t) => (lengths[s]! += mask[t]!));
  const averaging = new Float32Array(count * tokens);
  const spreading = new Float32Array(tokens * count);
  sequence.forEach((s, t) => {
    averaging[s * tokens + t] = lengths[s]! > 0 ? mask[t]! / lengths[s]! : 0;
    spreading[t * count + s] = 1;
  });
  const column = tf.reshape(logRatios, [tokens, 1]) as Tensor2D;
  const means = matmul(tf.tensor2d(averaging, [count, tokens]), column);
  return tf.reshape(matmul(tf.tensor2d(spreading, [tokens, count]), means), [tokens]);
}

/** What each token gains by its advantage. */
function gainOf(
  ratios: Tensor1D,
  { logProbs, advantages }: SurrogateInputs,
  { surrogate, epsilon, epsilon_high, delta }: SurrogateOptions,
): Tensor {
  if (surrogate === 'cispo') {
    if (epsilon_high === null)
      throw badInput('epsilon_high', null, 'the cap of the ratio for cispo');
    return tf.mul(stopGradient(tf.minimum(ratios, epsilon_high)), tf.mul(advantages, logProbs));
  }
  if (surrogate === 'sapo') {
    const [above, below] = SAPO_TEMPERATURES;
    const positive = tf.cast(tf.greater(advantages, 0), 'float32');
    const temperature = tf.add(below, tf.mul(positive, above - below));
    const gate = tf.sigmoid(tf.mul(temperature, tf.sub(ratios, 1)));
    return tf.mul(advantages, tf.div(tf.mul(gate, 4), temperature));
  }
  const clipped = tf.clipByValue(ratios, 1 - epsilon, 1 + (epsilon_high ?? epsilon));
  const bounded = delta === null ? ratios : tf.minimum(ratios, delta);
  return tf.minimum(tf.mul(bounded, advantages), tf.mul(clipped, advantages));
}

/** −Σ weight · gain + β Σ weight · k3; the gain of `clip` is min(ρA, clip(ρ)A). */
export function surrogateLoss(inputs: SurrogateInputs, options: SurrogateOptions): SurrogateResult {
  const { logProbs, weights, refLogProbs } = inputs;
  const { beta } = options;
  const old = inputs.oldLogProbs ?? stopGradient(logProbs);
  let logRatios = tf.sub(logProbs, old) as Tensor1D;
  if (options.importance_sampling_level !== 'token') {
    const means = sequenceMeans(logRatios, inputs.sequence, inputs.mask);
    // GSPO-token (arXiv 2507.18071, eq. 14): the sequence's ratio, the token's gradient.
    logRatios =
      options.importance_sampling_level === 'sequence'
        ? means
        : (tf.add(stopGradient(means), tf.sub(logProbs, stopGradient(logProbs))) as Tensor1D);
  }
  const ratios = tf.exp(logRatios) as Tensor1D;
  const gain = gainOf(ratios, inputs, options);
  let loss = tf.neg(tf.sum(tf.mul(gain, weights))) as Scalar;
  let kl: Tensor1D | null = null;
  if (beta > 0) {
    if (!refLogProbs) throw badInput('refLogProbs', null, 'log-probabilities when beta > 0');
    // Nobody trains log-probabilities of observations: theirs may be so far apart that exp overflows.
    const d = tf.mul(tf.sub(refLogProbs, logProbs), tf.tensor1d(Float32Array.from(inputs.mask)));
    kl = tf.sub(tf.sub(tf.exp(d), d), 1) as Tensor1D;
    loss = tf.add(loss, tf.mul(tf.sum(tf.mul(kl, weights)), beta));
  }
  return { loss, ratios, kl };
}
