/** Training a process reward model on labelled traces: soft cross-entropy at every step tag. */
import * as v from 'valibot';
import type { Policy } from '../../model/policy.ts';
import { Stream } from '../../random/stream.ts';
import { integer, number } from '../../recipe/controls.ts';
import type { Compute } from '../compute.ts';
import { learningRate, type Optimizer, type OptimizerOptions } from '../optimizer.ts';
import type { ProcessPass } from '../pass.ts';
import type { JudgeTokens, Tagged } from './format.ts';
import { packItems, tagPositions } from './scorer.ts';

/** A trace with the value of the steps up to each tag, in [0, 1]; null where it is not known. */
export interface LabelledTrace extends Tagged {
  labels: readonly (number | null)[];
}

/** Traces of one question. */
export interface LabelledGroup {
  prompt: Int32Array;
  texts: readonly LabelledTrace[];
}

export const learnOptions = v.strictObject({
  epochs: integer(3, { min: 1, max: 100 }, 'Passes over the labelled traces'),
  batch_size: integer(64, { min: 1, max: 4096 }, 'Traces of an optimiser step, at least'),
  per_device_train_batch_size: integer(16, { min: 1, max: 4096 }, 'Traces of a forward pass'),
  learning_rate: number(1e-3, { min: 0, max: 1, step: 1e-5 }, 'Peak learning rate of AdamW'),
  weight_decay: number(0.01, { min: 0, max: 1, step: 0.01 }, 'Decoupled weight decay of AdamW'),
  warmup_steps: integer(20, { min: 0, max: 100_000 }, 'Optimiser steps of linear warm-up'),
});

export type LearnOptions = v.InferOutput<typeof learnOptions>;

/** Cosine to zero, clipped at 1. */
export const optimizerOptions = (options: LearnOptions): OptimizerOptions => ({
  learning_rate: options.learning_rate,
  weight_decay: options.weight_decay,
  warmup_steps: options.warmup_steps,
  lr_scheduler_type: 'cosine',
  max_grad_norm: 1,
  ...{ adam_beta1: 0.9, adam_beta2: 0.98, adam_epsilon: 1e-8 },
});

/** Only traces that fit the model, and groups that have one. */
export function fittingGroups(groups: readonly LabelledGroup[], policy: Policy): LabelledGroup[] {
  const limit = policy.config.max_position_embeddings;
  return groups
    .map(({ prompt, texts }) => ({
      prompt,
      texts: texts.filter(({ tokens }) => prompt.length + tokens.length <= limit),
    }))
    .filter(({ texts }) => texts.length > 0);
}

/** Whole groups until each batch has `size` texts. */
function batchesOf(groups: readonly LabelledGroup[], size: number): LabelledGroup[][] {
  const batches: LabelledGroup[][] = [];
  let texts = Infinity;
  for (const group of groups) {
    if (texts >= size) {
      batches.push([]);
      texts = 0;
    }
    batches.at(-1)!.push(group);
    texts += group.texts.length;
  }
  return batches;
}

const labelsOf = (groups: readonly LabelledGroup[]): (number | null)[] =>
  groups.flatMap(({ texts }) => texts.flatMap(({ labels }) => labels));

/** The pass over some groups; `weight` is that of each tag with a label. */
function passOf(
  groups: readonly LabelledGroup[],
  { tag, choices }: JudgeTokens,
  weight: number,
): ProcessPass {
  const labels = labelsOf(groups);
  return {
    ...{ kind: 'process', items: packItems(groups), tags: tagPositions(groups), tag, choices },
    labels: Float32Array.from(labels, (label) => label ?? 0),
    weights: Float32Array.from(labels, (label) => (label === null ? 0 : weight)),
  };
}

export interface LearnStep {
  epoch: number;
  step: number;
  steps: number;
  /** Mean cross-entropy per tag, in nats. */
  loss: number;
}

export interface LearnParts {
  compute: Compute;
  optimizer: Optimizer;
  tokens: JudgeTokens;
}

/**
 * Trains the policy behind `compute` and `optimizer`, one yield per optimiser step. Groups come in a new order
 * each epoch, a function of the seed.
 */
export async function* learnPrm(
  { compute, optimizer, tokens }: LearnParts,
  groups: readonly LabelledGroup[],
  options: LearnOptions,
  seed: number,
): AsyncGenerator<LearnStep, void> {
  const order = (epoch: number): LabelledGroup[][] =>
    batchesOf(new Stream(seed, 'prm/epoch', epoch).shuffle(groups), options.batch_size);
  const epochs = Array.from({ length: options.epochs }, (_, epoch) => order(epoch));
  const steps = epochs.reduce((sum, { length }) => sum + length, 0);
  let step = 0;
  for (const [epoch, batches] of epochs.entries()) {
    for (const batch of batches) {
      const count = labelsOf(batch).filter((label) => label !== null).length;
      const passes = batchesOf(batch, options.per_device_train_batch_size).map((local) =>
        passOf(local, tokens, 1 / count),
      );
      const { grads, values } = await compute.backward(passes);
      const loss = values.reduce((sum, value) => sum + value.loss, 0);
      const rate = learningRate(optimizerOptions(options), step, steps);
      if (grads) await optimizer.apply(grads, rate);
      yield { epoch, step: ++step, steps, loss };
    }
  }
}
