/**
 * What a process reward model learns by (Reward-SQL, papers.md §4.2): at every step tag the same transformer
 * weighs two tokens, "+" against "−", and σ = softmax over just those two is the probability that the steps
 * up to there lead to the right answer. Loss: soft binary cross-entropy at the tags, nothing elsewhere.
 */
import { tf, type Scalar, type Tensor1D, type Tensor2D } from '#tfjs';
import { badInput } from '../../errors.ts';
import type { Packed } from '../../model/pack.ts';
import type { Policy, TokenBatch } from '../../model/policy.ts';
import { gatherRows, matmul } from '../../tensor/ops.ts';

/** Ids of the two tokens: right, wrong. */
export type Choices = readonly [right: number, wrong: number];

/** Rows of the packed batch where the tags themselves are: a tag is seen, not predicted. */
export function tagRows({ rows, targets }: Packed, tags: Int32Array, tag: number): Int32Array {
  return tags.map((at) => {
    if (targets[at] !== tag) throw badInput('tags', at, `the position of a step tag (${tag})`);
    return rows[at]! + 1; // the row that predicts it is the one before
  });
}

/** Logits (N, 2) of the two tokens after rows (N) of a batch. */
export function choiceLogits(
  policy: Policy,
  input: TokenBatch,
  rows: Tensor1D,
  choices: Choices,
): Tensor2D {
  const head = policy.parameters.get(policy.config.tie_word_embeddings ? 'embed' : 'lm_head')!;
  const two = gatherRows(head as unknown as Tensor2D, tf.tensor1d([...choices], 'int32'));
  return matmul(gatherRows(policy.hidden(input), rows), two, true);
}

/** −Σ weight · (label · log σ + (1 − label) · log (1 − σ)) for logits (N, 2). */
export function processLoss(logits: Tensor2D, labels: Float32Array, weights: Float32Array): Scalar {
  const shares = new Float32Array(2 * labels.length);
  labels.forEach((label, i) => {
    shares[2 * i] = weights[i]! * label;
    shares[2 * i + 1] = weights[i]! * (1 - label);
  });
  const logProbs = tf.logSoftmax(logits);
  return tf.neg(tf.sum(tf.mul(logProbs, tf.tensor2d(shares, logits.shape))));
}
