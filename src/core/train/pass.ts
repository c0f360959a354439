/**
 * One forward and backward pass as plain data, so that it can run in this thread or in another, and what
 * it gives: values for metrics, and a gradient per parameter.
 */
import { tf, type Scalar, type Tensor1D, type Tensor2D } from '#tfjs';
import { pack, toTensors, type PackItem } from '../model/pack.ts';
import type { Policy } from '../model/policy.ts';
import { take } from '../tensor/read.ts';
import { scoped } from '../tensor/scope.ts';
import { gradientsOf, type Gradients } from './gradients.ts';
import { surrogateLoss, type SurrogateOptions, type SurrogateResult } from './loss.ts';
import { choiceLogits, processLoss, tagRows, type Choices } from './prm/loss.ts';

/** GRPO's loss. The arrays have an entry per completion token: items, then completions, in order. */
export interface SurrogatePass {
  kind: 'surrogate';
  items: PackItem[];
  advantages: Float32Array;
  /** `tokenWeight`, 0 where the mask is 0. */
  weights: Float32Array;
  /** 1 where the token counts for the loss. */
  mask: Float32Array;
  /** At sampling time; null where the policy is still the one that sampled. */
  oldLogProbs: Float32Array | null;
  temperature: number;
  options: SurrogateOptions;
}

/** −scale · Σ log-probability of the completions' tokens where the mask is 1. */
export interface LikelihoodPass {
  kind: 'likelihood';
  items: PackItem[];
  scale: number;
  /** An entry per completion token; null where all count. */
  mask: Float32Array | null;
}

/** A process reward model's loss at step tags. */
export interface ProcessPass {
  kind: 'process';
  items: PackItem[];
  /** Where the tags are among the completion tokens (items, then completions, in order). */
  tags: Int32Array;
  /** The tag's token id. */
  tag: number;
  choices: Choices;
  /** Of each tag: share of completions from there that end right, in [0, 1]. */
  labels: Float32Array;
  weights: Float32Array;
}

export type Pass = SurrogatePass | LikelihoodPass | ProcessPass;

export interface PassValues {
  loss: number;
  /** Ratio and k3 term of each completion token; null where the loss has none. */
  ratios: Float32Array | null;
  kl: Float32Array | null;
}

export interface PassResult {
  values: PassValues;
  /** The caller disposes them. */
  grads: Gradients;
}

/** @param reference for passes with `beta` > 0 */
export async function runPass(
  policy: Policy,
  reference: Policy | null,
  pass: Pass,
): Promise<PassResult> {
  const { value, grads, result } = scoped((keep) => {
    const packed = pack(pass.items);
    const { input, rows, targets } = toTensors(packed);
    let result: SurrogateResult | undefined;
    const lossOf = (): (() => Scalar) => {
      switch (pass.kind) {
        case 'likelihood':
          return () => {
            const { logProbs } = policy.tokenLogProbs(input, rows, targets);
            const counted = pass.mask ? tf.mul(logProbs, tf.tensor1d(pass.mask)) : logProbs;
            return tf.mul(tf.sum(counted), -pass.scale);
          };
        case 'process': {
          const at = tf.tensor1d(tagRows(packed, pass.tags, pass.tag), 'int32');
          const logits = (): Tensor2D => choiceLogits(policy, input, at, pass.choices);
          return () => processLoss(logits(), pass.labels, pass.weights);
        }
        case 'surrogate':
          return surrogate(policy, reference, pass, { input, rows, targets }, (made) => {
            result = made;
          });
      }
    };
    const loss = lossOf();
    const { value, grads } = gradientsOf(policy, loss);
    for (const grad of grads.values()) keep(grad);
    if (result) keep(result.ratios);
    if (result?.kl) keep(result.kl);
    return { value: keep(value), grads, result };
  });
  try {
    const [loss, ratios, kl] = await Promise.all([
      take(value),
      result ? take(result.ratios) : null,
      result?.kl ? take(result.kl) : null,
    ]);
    return { values: { loss: loss[0]!, ratios, kl }, grads };
  } catch (error) {
    tf.dispose([...grads.values()]);
    throw error;
  }
}

/** @param onResult told what the loss is made of; its tensors live as long as the scope around */
function surrogate(
  policy: Policy,
  reference: Policy | null,
  pass: SurrogatePass,
  { input, rows, targets }: ReturnType<typeof toTensors>,
  onResult: (result: SurrogateResult) => void,
): () => Scalar {
  const upload = (values: Float32Array): Tensor1D => tf.tensor1d(values);
  const { mask, temperature, options } = pass;
  const completions = pass.items.flatMap((item) => item.completions);
  const constants = {
    mask,
    advantages: upload(pass.advantages),
    weights: upload(pass.weights),
    oldLogProbs: pass.oldLogProbs && upload(pass.oldLogProbs),
    refLogProbs:
      reference && options.beta > 0
        ? tf.tidy(() => reference.tokenLogProbs(input, rows, targets, temperature).logProbs)
        : null,
    sequence: Int32Array.from(
      completions.flatMap(({ length }, s) => Array<number>(length).fill(s)),
    ),
  };
  return () => {
    const { logProbs } = policy.tokenLogProbs(input, rows, targets, temperature);
    const result = surrogateLoss({ logProbs, ...constants }, options);
    // Out of the inner scope of the gradient, into the one around.
    tf.keep(result.ratios);
    if (result.kl) tf.keep(result.kl);
    onResult(result);
    return result.loss;
  };
}
