/**
 * One optimiser step of GRPO on the default policy: packed rows, surrogate loss, gradients, clipping,
 * AdamW. The rival computes the same from the same rows with tfjs's own operations and gradients.
 */
import { tf } from '#tfjs';
import { pack, toTensors } from '../src/core/model/pack.ts';
import { initPolicy } from '../src/core/model/policy.ts';
import { Stream } from '../src/core/random/stream.ts';
import { usePlain } from '../src/core/tensor/ops.ts';
import { take } from '../src/core/tensor/read.ts';
import { scoped } from '../src/core/tensor/scope.ts';
import { surrogateLoss } from '../src/core/train/loss.ts';
import { Optimizer } from '../src/core/train/optimizer.ts';
import {
  type BenchResult,
  forwardOperations,
  interleaved,
  MODEL,
  positionsSeen,
} from './measure.ts';

const GROUPS = 4;
const SAMPLES = 8;
const REPEATS = 5;

export async function benchTrainingStep(): Promise<BenchResult> {
  const stream = new Stream(1, 'bench/training');
  const tokens = (low: number, high: number): Int32Array =>
    Int32Array.from({ length: stream.range(low, high) }, () => stream.int(MODEL.vocab_size));
  const items = Array.from({ length: GROUPS }, () => ({
    prompt: tokens(110, 170),
    completions: Array.from({ length: SAMPLES }, () => tokens(12, 40)),
  }));
  const sequence = Int32Array.from(
    items
      .flatMap(({ completions }) => completions)
      .flatMap((completion, s) => Array<number>(completion.length).fill(s)),
  );
  const count = sequence.length;
  const policy = initPolicy(MODEL, 1);
  const optimizer = new Optimizer(policy, {
    ...{ learning_rate: 3e-4, weight_decay: 0, adam_beta1: 0.9, adam_beta2: 0.999 },
    ...{ adam_epsilon: 1e-8, max_grad_norm: 1, lr_scheduler_type: 'constant', warmup_steps: 0 },
  });
  const packed = pack(items);
  const advantage = Float32Array.from({ length: GROUPS * SAMPLES }, () => stream.normal());
  const step = async (plain: boolean): Promise<number> => {
    usePlain(plain);
    const { value, grads } = scoped((keep) => {
      const { input, rows, targets } = toTensors(packed);
      const constants = {
        ...{ oldLogProbs: null, refLogProbs: null, sequence },
        advantages: tf.tensor1d(Float32Array.from(sequence, (s) => advantage[s]!)),
        weights: tf.fill([count], 1 / count) as ReturnType<typeof tf.tensor1d>,
        mask: new Uint8Array(count).fill(1),
      };
      const result = optimizer.gradients(() => {
        const { logProbs } = policy.tokenLogProbs(input, rows, targets);
        return surrogateLoss(
          { logProbs, ...constants },
          {
            ...{ epsilon: 0.2, epsilon_high: null, delta: null, beta: 0 },
            importance_sampling_level: 'token',
          },
        ).loss;
      });
      for (const tensor of [result.value, ...result.grads.values()]) keep(tensor);
      return result;
    });
    const [loss] = await take(value);
    await optimizer.apply(grads, 0); // a rate of 0: both rivals do all the work on the same weights
    usePlain(false);
    return loss!;
  };
  const difference = (await step(false)) - (await step(true));
  if (Math.abs(difference) > 1e-5) throw new Error('the rivals disagree on the loss');
  const [ours, rival] = (await interleaved(
    REPEATS,
    () => step(false),
    () => step(true),
  )) as [number, number];
  optimizer.dispose();
  policy.dispose();
  const written = items.reduce(
    (sum, { prompt, completions }) =>
      sum + completions.reduce((n, { length }) => n + length, prompt.length),
    0,
  );
  const forward = { tokens: packed.tokens.length, seen: positionsSeen(packed), predictions: count };
  return {
    name: `training step, ${GROUPS} groups of ${SAMPLES}, ${written} tokens`,
    ratio: rival / ours,
    goal: 2.5,
    unit: 'tokens/s',
    ours: written / ours,
    rival: written / rival,
    against: 'plain tfjs operations, wasm',
    // Backwards is twice the work of forwards: one product by the weights, one by the inputs.
    gflops: (3 * forwardOperations(MODEL, forward)) / ours / 1e9,
  };
}
