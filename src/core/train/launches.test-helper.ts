/** Whole steps of a small policy, for counting what they launch. */
import { tf, type Tensor1D } from '#tfjs';
import { pack, toTensors } from '../model/pack.ts';
import { sample } from '../model/sample.ts';
import { someTokens, tinyPolicy } from '../model/tiny.test-helper.ts';
import { Stream } from '../random/stream.ts';
import { countLaunches } from '../tensor/webgpu/launches.ts';
import { gradientsOf } from './gradients.ts';
import { surrogateLoss } from './loss.ts';
import { Optimizer } from './optimizer.ts';

/** Launches of a task. */
async function launchesOf(task: () => Promise<unknown>): Promise<number> {
  const count = countLaunches();
  try {
    await task();
    return count.launches;
  } finally {
    count.stop();
  }
}

/** Launches of one GRPO step: forward, backward, clipping, AdamW. */
export async function perTrainingStep(): Promise<number> {
  const policy = tinyPolicy();
  const optimizer = new Optimizer(policy, {
    ...{ learning_rate: 1e-3, weight_decay: 0, adam_beta1: 0.9, adam_beta2: 0.99 },
    ...{ adam_epsilon: 1e-8, max_grad_norm: 1, lr_scheduler_type: 'constant', warmup_steps: 0 },
  });
  const stream = new Stream(1, 'launches');
  const items = [0, 1, 2].map(() => ({
    prompt: someTokens(20, 32, stream),
    completions: Array.from({ length: 8 }, () => someTokens(24, 32, stream)),
  }));
  const { input, rows, targets } = toTensors(pack(items, { rowLength: 64, multiple: 32 }));
  const count = targets.shape[0];
  const advantages = tf.ones([count]) as Tensor1D;
  const weights = tf.fill([count], 1 / count) as Tensor1D;
  return launchesOf(async () => {
    const { grads } = gradientsOf(policy, () => {
      const { logProbs } = policy.tokenLogProbs(input, rows, targets);
      const numbers = {
        ...{ logProbs, oldLogProbs: null, refLogProbs: null, advantages, weights },
        ...{ sequence: new Int32Array(count), mask: new Uint8Array(count).fill(1) },
      };
      const options = { epsilon: 0.2, epsilon_high: null, delta: null, beta: 0 };
      return surrogateLoss(numbers, { ...options, importance_sampling_level: 'token' }).loss;
    });
    await optimizer.apply(grads, 1e-3);
  });
}

/** Launches of one more token for each of some samples. */
export async function perDecodedToken(): Promise<number> {
  const policy = tinyPolicy();
  const stream = new Stream(2, 'launches');
  const prompts = [someTokens(9, 32, stream), someTokens(7, 32, stream)];
  const [few, many] = await [4, 12].reduce<Promise<number[]>>(async (counts, length) => {
    const options = { num_generations: 3, max_completion_length: length, temperature: 1, top_p: 1 };
    const uniform = (): number => 0.5;
    return [
      ...(await counts),
      await launchesOf(() => sample(policy, prompts, { ...options, eos_token_id: -1, uniform })),
    ];
  }, Promise.resolve([]));
  return (many! - few!) / 8;
}
