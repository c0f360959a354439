import { describe, expect, it } from 'vitest';
import { tf } from '#tfjs';
import type { PackItem } from '../../model/pack.ts';
import { distance, someTokens, tinyPolicy } from '../../model/tiny.test-helper.ts';
import type { Policy } from '../../model/policy.ts';
import { Stream } from '../../random/stream.ts';
import { startBackend } from '../../tensor/backend.ts';
import { usePlain } from '../../tensor/ops.ts';
import { startDawn } from '../../tensor/webgpu/dawn.test-helper.ts';
import { flatten } from '../gradients.ts';
import { runPass, type ProcessPass } from '../pass.ts';
import { tagLogOdds } from './scorer.ts';

const dawn = await startDawn();
await startBackend('wasm');

const TAG = 31;
const CHOICES = [5, 9] as const;

/** Two prompts with three traces between them, each with a tag after every few tokens. */
function passOf(noise = 0): ProcessPass {
  const stream = new Stream(4, 'process-loss');
  const text = (length: number): number[] => [...someTokens(length, TAG, stream)];
  const traces = [
    [...text(5), TAG, ...text(4), TAG],
    [...text(3), TAG],
    [...text(2), TAG, ...text(6), TAG, ...text(1), TAG],
  ].map((tokens) => Int32Array.from(tokens));
  const items: PackItem[] = [
    { prompt: someTokens(7, TAG, stream), completions: traces.slice(0, 2) },
    { prompt: someTokens(4, TAG, stream), completions: traces.slice(2) },
  ];
  const all = traces.flatMap((tokens) => [...tokens]);
  const tags = Int32Array.from(all.flatMap((token, i) => (token === TAG ? [i] : [])));
  return {
    ...{ kind: 'process', items, tags, tag: TAG, choices: CHOICES },
    labels: Float32Array.of(0, 0.25, 1, 0.5, 0.875, 0.125),
    weights: Float32Array.of(0.5, 1, 0.25, 2, 1, noise),
  };
}

/** Value and gradients of the pass, and the log-odds at its tags, on the backend in use. */
async function evaluate(policy: Policy, pass = passOf()) {
  const { values, grads } = await runPass(policy, null, pass);
  const { items, tags, tag, choices } = pass;
  const logOdds = await tagLogOdds(policy, items, { tags, tag, choices });
  return { loss: values.loss, gradient: await flatten(grads), logOdds };
}

/** The loss on plain numbers. */
function twin(logOdds: ArrayLike<number>, { labels, weights }: ProcessPass): number {
  return Array.from(logOdds).reduce((sum, x, i) => {
    const p = 1 / (1 + Math.exp(-x));
    const [label, weight] = [labels[i]!, weights[i]!];
    return sum - weight * (label * Math.log(p) + (1 - label) * Math.log(1 - p));
  }, 0);
}

describe('the loss of a process reward model', () => {
  it('is soft binary cross-entropy of "+" against "−" at the tags', async () => {
    for (const tie_word_embeddings of [true, false]) {
      const policy = tinyPolicy({ tie_word_embeddings });
      const { loss, logOdds } = await evaluate(policy);
      expect(logOdds.length).toBe(6);
      expect(Math.max(...logOdds) - Math.min(...logOdds)).toBeGreaterThan(0.1);
      expect(loss).toBeCloseTo(twin(logOdds, passOf()), 4);
    }
  });

  it('has the gradient of finite differences', async () => {
    const policy = tinyPolicy();
    const { gradient } = await evaluate(policy);
    const start = await policy.weights();
    for (const trial of [1, 2, 3]) {
      const stream = new Stream(trial, 'direction');
      const direction = start.map(() => stream.normal() / Math.sqrt(start.length));
      const at = async (h: number): Promise<number> => {
        policy.setWeights(start.map((x, i) => x + h * direction[i]!));
        return (await evaluate(policy)).loss;
      };
      const numeric = ((await at(0.02)) - (await at(-0.02))) / 0.04;
      const analytic = direction.reduce((sum, d, i) => sum + d * gradient[i]!, 0);
      expect(Math.abs(numeric - analytic)).toBeLessThan(0.01 * Math.max(1, Math.abs(analytic)));
    }
  });

  it('does not look at what has weight 0, nor at what follows a tag', async () => {
    const policy = tinyPolicy();
    const { loss, gradient } = await evaluate(policy);
    const other = passOf();
    other.labels[5] = 1;
    other.items[1]!.completions[0]!.fill(3, 10, 11); // behind the last tag with a weight
    const changed = await evaluate(policy, other);
    expect(changed.loss).toBeCloseTo(loss, 5);
    expect(distance(changed.gradient, gradient)).toBeLessThan(1e-5);
  });

  it('is the same however traces are packed', async () => {
    const policy = tinyPolicy();
    const whole = await evaluate(policy);
    const pass = passOf();
    pass.items = pass.items.flatMap(({ prompt, completions }) =>
      completions.map((one) => ({ prompt, completions: [one] })),
    );
    const apart = await evaluate(policy, pass);
    expect(distance(apart.logOdds, whole.logOdds)).toBeLessThan(1e-5);
    expect(distance(apart.gradient, whole.gradient)).toBeLessThan(1e-4);
  });

  it('refuses a position that is no tag', async () => {
    const pass = { ...passOf(), tags: Int32Array.of(0, 1, 2, 3, 4, 5) };
    await expect(runPass(tinyPolicy(), null, pass)).rejects.toThrow(/^tags: got 0/);
  });
});

describe('its values and gradients', () => {
  const onBackend = async (name: string, plain = false) => {
    await tf.setBackend(name);
    usePlain(plain);
    try {
      return await evaluate(tinyPolicy());
    } finally {
      usePlain(false);
      await tf.setBackend('wasm');
    }
  };

  const agree = async (name: string, plain: boolean): Promise<void> => {
    const expected = await onBackend('wasm');
    const found = await onBackend(name, plain);
    expect(distance(found.logOdds, expected.logOdds)).toBeLessThan(2e-5);
    expect(distance(found.gradient, expected.gradient)).toBeLessThan(2e-5);
    expect(distance([found.loss], [expected.loss])).toBeLessThan(2e-5);
  };

  it("are those of TensorFlow.js's own operations, on wasm", () => agree('wasm', true));
  it("are those of TensorFlow.js's own operations, on the CPU", () => agree('cpu', true));
  it.skipIf(!dawn)('are those of the kernels on WebGPU', () => agree('webgpu', false));
});
