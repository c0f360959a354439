/**
 * One optimiser step of GRPO: packed rows, surrogate loss, gradients, clipping, AdamW. The rival computes
 * the same from the same rows with tfjs's own operations and gradients.
 */
import { tf, type Tensor1D } from '#tfjs';
import { pack, toTensors } from '../../src/core/model/pack.ts';
import type { Policy } from '../../src/core/model/policy.ts';
import { usePlain } from '../../src/core/tensor/ops.ts';
import { take } from '../../src/core/tensor/read.ts';
import { scoped } from '../../src/core/tensor/scope.ts';
import { gradientsOf } from '../../src/core/train/gradients.ts';
import { surrogateLoss, type SurrogateOptions } from '../../src/core/train/loss.ts';
import { Optimizer, type OptimizerOptions } from '../../src/core/train/optimizer.ts';
import { positionsSeen, type ForwardWork } from './measure.ts';
import type { Workload } from './shapes.ts';

/** By which rivals are known to do the same. */
export interface Computed {
  loss: number;
  /** Mean log-probability of the completions' tokens. */
  logProb: number;
  /** Global norm of the gradients before clipping. */
  gradNorm: number;
}

export const OPTIMIZER: OptimizerOptions = {
  ...{ learning_rate: 3e-4, weight_decay: 0, adam_beta1: 0.9, adam_beta2: 0.999 },
  ...{ adam_epsilon: 1e-8, max_grad_norm: 1, lr_scheduler_type: 'constant', warmup_steps: 0 },
};

export const SURROGATE: SurrogateOptions = {
  ...{ epsilon: 0.2, epsilon_high: null, delta: null, beta: 0 },
  importance_sampling_level: 'token',
};

export interface TrainingCase {
  /** One step. A rate of 0: everyone does all the work, always on the same weights. */
  step(plain: boolean): Promise<Computed>;
  /** Of its forward pass. */
  work: ForwardWork;
  dispose(): void;
}

export function trainingCase(policy: Policy, { items, advantages }: Workload): TrainingCase {
  const sequence = Int32Array.from(
    items
      .flatMap(({ completions }) => completions)
      .flatMap((completion, s) => Array<number>(completion.length).fill(s)),
  );
  const count = sequence.length;
  const optimizer = new Optimizer(policy, OPTIMIZER);
  const packed = pack(items);

  async function step(): Promise<Computed> {
    const { value, grads, logProbs } = scoped((keep) => {
      const { input, rows, targets } = toTensors(packed);
      const constants = {
        ...{ oldLogProbs: null, refLogProbs: null, sequence },
        advantages: tf.tensor1d(Float32Array.from(sequence, (s) => advantages[s]!)),
        weights: tf.fill([count], 1 / count) as Tensor1D,
        mask: new Uint8Array(count).fill(1),
      };
      let logProbs: Tensor1D | undefined;
      const result = gradientsOf(policy, () => {
        logProbs = keep(policy.tokenLogProbs(input, rows, targets).logProbs);
        return surrogateLoss({ logProbs, ...constants }, SURROGATE).loss;
      });
      for (const tensor of [result.value, ...result.grads.values()]) keep(tensor);
      return { ...result, logProbs: logProbs! };
    });
    const [loss, written] = await Promise.all([take(value), take(logProbs)]);
    const gradNorm = await optimizer.apply(grads, 0);
    // The last thing changed: whoever reads it has waited for the device.
    await [...policy.parameters.values()].at(-1)!.data();
    return { loss: loss[0]!, logProb: written.reduce((sum, x) => sum + x, 0) / count, gradNorm };
  }

  return {
    async step(plain) {
      usePlain(plain);
      try {
        return await step();
      } finally {
        usePlain(false);
      }
    },
    work: { tokens: packed.tokens.length, seen: positionsSeen(packed), predictions: count },
    dispose: () => optimizer.dispose(),
  };
}
