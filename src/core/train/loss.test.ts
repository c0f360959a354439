import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { tf, type Tensor1D } from '#tfjs';
import { startNumericBackend } from '../../../test/numeric-backend.test-helper.ts';
import { Stream } from '../random/stream.ts';
import {
  LOSS_TYPES,
  surrogateLoss,
  surrogateOf,
  tokenWeight,
  type LossScale,
  type LossType,
  type SurrogateOptions,
} from './loss.ts';

beforeAll(startNumericBackend);

const MAX_LENGTH = 9;

/** A batch as TRL holds it: one list per sequence. mask 0 = observation, or a truncated completion. */
interface Batch {
  logProbs: number[][];
  old: number[][];
  ref: number[][];
  advantages: number[][];
  mask: number[][];
}

/** Off-policy by up to several clip ranges; the third sequence has no loss token at all. */
function batchOf(seed: number): Batch {
  const stream = new Stream(seed, 'loss-test');
  const lengths = [4, 7, 3, 1, 6];
  const all = (of: () => number): number[][] => lengths.map((length) => Array.from({ length }, of));
  const logProbs = all(() => -3 * stream.uniform());
  const near = (x: number, by: number): number => Math.fround(x + by * stream.normal());
  return {
    logProbs,
    old: logProbs.map((row) => row.map((x) => near(x, 0.4))),
    ref: logProbs.map((row) => row.map((x) => near(x, 0.7))),
    // One for each of two steps of a sequence.
    advantages: lengths.map((length) => {
      const [first, second] = [stream.normal(), stream.normal()];
      return Array.from({ length }, (_, t) => (t < length / 2 ? first : second));
    }),
    mask: [[1, 1, 1, 1], [1, 0, 1, 1, 0, 1, 1], [0, 0, 0], [1], [0, 1, 1, 1, 1, 1]],
  };
}

const sum = (values: readonly number[]): number => values.reduce((total, x) => total + x, 0);

type Options = SurrogateOptions & { loss_type: LossType };

/**
 * GRPOTrainer._compute_loss at f2cd577 on plain arrays; `local` are the batch's forward passes. GSPO-token's ratios
 * have the value of `around`'s sequence and move with the token.
 */
function trl(batch: Batch, options: Options, local: number[][], around = batch): number {
  const { epsilon, epsilon_high, delta, beta, loss_type } = options;
  const perToken = batch.logProbs.map((row, i) => {
    const mask = batch.mask[i]!;
    let logRatios = row.map((x, t) => x - batch.old[i]![t]!);
    if (options.importance_sampling_level === 'sequence') {
      const mean = sum(logRatios.map((x, t) => x * mask[t]!)) / Math.max(1, sum(mask));
      logRatios = logRatios.map(() => mean);
    }
    if (options.importance_sampling_level === 'sequence_token') {
      const still = around.logProbs[i]!;
      const mean =
        sum(still.map((x, t) => (x - batch.old[i]![t]!) * mask[t]!)) / Math.max(1, sum(mask));
      logRatios = row.map((x, t) => mean + x - still[t]!);
    }
    return logRatios.map((logRatio, t) => {
      let coef1 = Math.exp(logRatio);
      const coef2 = Math.min(Math.max(coef1, 1 - epsilon), 1 + (epsilon_high ?? epsilon));
      if (delta !== null) coef1 = Math.min(coef1, delta);
      const advantage = batch.advantages[i]![t]!;
      if (loss_type === 'cispo' || loss_type === 'sapo') {
        const still = around.logProbs[i]!;
        const mean =
          sum(still.map((x, t) => (x - batch.old[i]![t]!) * mask[t]!)) / Math.max(1, sum(mask));
        const own = still[t]! - batch.old[i]![t]!;
        const constant = options.importance_sampling_level === 'token' ? own : mean;
        const capped = Math.min(Math.exp(constant), epsilon_high ?? NaN) * row[t]!;
        const temperature = advantage > 0 ? 1 : 1.05;
        const gate = 4 / temperature / (1 + Math.exp(-temperature * (Math.exp(logRatio) - 1)));
        const e = batch.ref[i]![t]! - row[t]!;
        return -advantage * (loss_type === 'cispo' ? capped : gate) + beta * (Math.exp(e) - e - 1);
      }
      const d = batch.ref[i]![t]! - row[t]!;
      return -Math.min(coef1 * advantage, coef2 * advantage) + beta * (Math.exp(d) - d - 1);
    });
  });
  const masked = perToken.map((row, i) => sum(row.map((x, t) => x * batch.mask[i]![t]!)));
  const lengths = batch.mask.map(sum);
  const B = masked.length;
  switch (loss_type) {
    case 'grpo':
    case 'sapo':
      return sum(masked.map((x, i) => x / Math.max(1, lengths[i]!))) / B;
    case 'bnpo': // each forward pass is averaged by itself
      return sum(
        local.map((members) => {
          const tokens = Math.max(1, sum(members.map((i) => lengths[i]!)));
          return ((members.length / B) * sum(members.map((i) => masked[i]!))) / tokens;
        }),
      );
    case 'dapo':
    case 'cispo':
      return sum(masked) / sum(lengths);
    case 'dr_grpo':
      return sum(masked) / (B * MAX_LENGTH);
  }
}

/** The part of the loss that one forward pass computes, and its gradient by log-probability. */
function ours(batch: Batch, options: Options, members: number[]) {
  const lengths = batch.mask.map(sum);
  const scale: LossScale = {
    loss_type: options.loss_type,
    max_completion_length: MAX_LENGTH,
    sequences: lengths.length,
    tokens: sum(lengths),
    localTokens: sum(members.map((i) => lengths[i]!)),
    localShare: members.length / lengths.length,
  };
  const flat = (rows: number[][]): number[] => members.flatMap((i) => rows[i]!);
  const mask = flat(batch.mask);
  const inputs = {
    oldLogProbs: tf.tensor1d(flat(batch.old)),
    refLogProbs: tf.tensor1d(flat(batch.ref)),
    advantages: tf.tensor1d(flat(batch.advantages)),
    weights: tf.tensor1d(
      members.flatMap((i) => batch.mask[i]!.map((m) => (m ? tokenWeight(scale, lengths[i]!) : 0))),
    ),
    sequence: Int32Array.from(members.flatMap((i, s) => batch.mask[i]!.map(() => s))),
    mask: Uint8Array.from(mask),
  };
  const loss = (logProbs: Tensor1D) =>
    surrogateLoss(
      { ...inputs, logProbs },
      { ...options, surrogate: surrogateOf(options.loss_type) },
    ).loss;
  const { value, grad } = tf.valueAndGrad(loss as never)(tf.tensor1d(flat(batch.logProbs)));
  return { value: value.dataSync()[0]!, gradient: Array.from(grad.dataSync()) };
}

const cases = LOSS_TYPES.flatMap((loss_type) =>
  (['token', 'sequence', 'sequence_token'] as const).flatMap((importance_sampling_level) =>
    [null, 1.3].flatMap((delta) =>
      [0, 0.3].flatMap((beta) =>
        [null, 0.28].map((epsilon_high) => ({
          ...{ loss_type, importance_sampling_level, delta, beta, epsilon: 0.2 },
          // A cap for CISPO, in reach of the batch.
          epsilon_high: loss_type === 'cispo' ? 1 + (epsilon_high ?? 0) : epsilon_high,
        })),
      ),
    ),
  ),
);

describe("surrogateLoss is TRL's", () => {
  it.each(cases)(
    '$loss_type, $importance_sampling_level, delta $delta, beta $beta, epsilon_high $epsilon_high',
    (options) => {
      for (const seed of [1, 2, 3]) {
        const batch = batchOf(seed);
        const local = [
          [0, 1],
          [2, 3, 4],
        ];
        const parts = local.map((members) => ours(batch, options, members));
        const value = sum(parts.map((part) => part.value));
        expect(value).toBeCloseTo(trl(batch, options, local), 5);
        // Finite differences of the reference, one log-probability at a time.
        const gradient = parts.flatMap((part) => part.gradient);
        const around = structuredClone(batch);
        let at = 0;
        batch.logProbs.forEach((row, i) =>
          row.forEach((x, t) => {
            const h = 1e-5;
            const moved = (by: number): number => {
              row[t] = x + by;
              return trl(batch, options, local, around);
            };
            const numeric = (moved(h) - moved(-h)) / (2 * h);
            row[t] = x;
            expect(gradient[at++], `sequence ${i}, token ${t}`).toBeCloseTo(numeric, 4);
          }),
        );
      }
    },
  );
});

const arrays = (length: number, low: number, high: number) =>
  fc.array(fc.double({ min: low, max: high, noNaN: true }), {
    minLength: length,
    maxLength: length,
  });

const anyOptions = fc.record({
  epsilon: fc.double({ min: 0.05, max: 0.5, noNaN: true }),
  epsilon_high: fc.constantFrom(0.1, 0.28),
  delta: fc.constantFrom(null, 1.5),
  beta: fc.constantFrom(0, 0.1),
  importance_sampling_level: fc.constantFrom(...(['token', 'sequence', 'sequence_token'] as const)),
  loss_type: fc.constantFrom(...LOSS_TYPES),
});

describe('surrogateLoss', () => {
  it('without old log-probabilities has ratio 1 and the policy gradient −w·A', () => {
    const advantages = [1, -2, 0.5];
    const weights = [0.2, 0.3, 0.5];
    const options = { epsilon: 0.2, epsilon_high: null, delta: null, beta: 0 };
    for (const importance_sampling_level of ['token', 'sequence', 'sequence_token'] as const) {
      const run = (logProbs: Tensor1D) =>
        surrogateLoss(
          {
            ...{ logProbs, oldLogProbs: null, refLogProbs: null },
            advantages: tf.tensor1d(advantages),
            weights: tf.tensor1d(weights),
            sequence: Int32Array.of(0, 1, 2),
            mask: Uint8Array.of(1, 1, 1),
          },
          { ...options, importance_sampling_level },
        );
      const logProbs = tf.tensor1d([-1, -0.1, -20]);
      expect(Array.from(run(logProbs).ratios.dataSync())).toEqual([1, 1, 1]);
      const { value, grad } = tf.valueAndGrad(((x: Tensor1D) => run(x).loss) as never)(logProbs);
      expect(value.dataSync()[0]).toBeCloseTo(-0.2 + 0.6 - 0.25, 6);
      advantages.forEach((advantage, i) => {
        expect(grad.dataSync()[i]).toBeCloseTo(-advantage * weights[i]!, 6);
      });
    }
  });

  it('does not look at masked tokens', () => {
    fc.assert(
      fc.property(anyOptions, fc.nat({ max: 1000 }), arrays(21, -5, 5), (options, seed, noise) => {
        const batch = batchOf(seed);
        const other = structuredClone(batch);
        let at = 0;
        batch.mask.forEach((row, i) =>
          row.forEach((m, t) => {
            for (const key of ['logProbs', 'old', 'ref', 'advantages'] as const) {
              // Far from the policy too: what is masked must not overflow into what is not.
              if (!m) other[key][i]![t] = noise[at++ % noise.length]! * (key === 'ref' ? 60 : 1);
            }
          }),
        );
        const members = [0, 1, 2, 3, 4];
        const [a, b] = [ours(batch, options, members), ours(other, options, members)];
        expect(b.value).toBeCloseTo(a.value, 6);
        batch.mask.flat().forEach((m, t) => {
          expect(b.gradient[t]).toBeCloseTo(a.gradient[t]!, 6);
          if (!m) expect(b.gradient[t]).toBeCloseTo(0, 12);
        });
      }),
      { numRuns: 60 },
    );
  });

  it('k3 is never negative, and zero for equal policies', () => {
    fc.assert(
      fc.property(arrays(8, -30, 0), arrays(8, -30, 0), (policy, reference) => {
        const kl = (ref: number[]): Float32Array =>
          surrogateLoss(
            {
              logProbs: tf.tensor1d(policy),
              oldLogProbs: null,
              refLogProbs: tf.tensor1d(ref),
              advantages: tf.zeros([8]),
              weights: tf.ones([8]),
              sequence: new Int32Array(8),
              mask: new Uint8Array(8).fill(1),
            },
            { ...cases[0]!, beta: 1 },
          ).kl!.dataSync() as Float32Array;
        for (const value of kl(reference)) expect(value).toBeGreaterThanOrEqual(-1e-6);
        for (const value of kl(policy)) expect(value).toBe(0);
      }),
    );
  });

  it('needs a reference when beta is above 0', () => {
    const one = tf.tensor1d([0]);
    const inputs = {
      ...{ logProbs: one, oldLogProbs: null, refLogProbs: null, advantages: one, weights: one },
      sequence: Int32Array.of(0),
      mask: Uint8Array.of(1),
    };
    expect(() => surrogateLoss(inputs, { ...cases[0]!, beta: 0.1 })).toThrow(/^refLogProbs: /);
  });

  it('takes more tokens than a function takes arguments', () => {
    const tokens = 300_000;
    const inputs = {
      logProbs: tf.zeros([tokens]) as Tensor1D,
      oldLogProbs: null,
      refLogProbs: null,
      advantages: tf.ones([tokens]) as Tensor1D,
      weights: tf.fill([tokens], 1 / tokens) as Tensor1D,
      sequence: new Int32Array(tokens),
      mask: new Uint8Array(tokens).fill(1),
    };
    const options = { ...cases[0]!, importance_sampling_level: 'sequence' as const };
    expect(surrogateLoss(inputs, options).loss.dataSync()[0]).toBeCloseTo(-1, 2);
  });
});

describe('tokenWeight', () => {
  const lengthsOf = fc.array(fc.integer({ min: 1, max: MAX_LENGTH }), {
    minLength: 1,
    maxLength: 12,
  });

  const total = (loss_type: LossType, lengths: number[], size: number): number => {
    let weights = 0;
    for (let start = 0; start < lengths.length; start += size) {
      const local = lengths.slice(start, start + size);
      const scale = {
        ...{ loss_type, max_completion_length: MAX_LENGTH, sequences: lengths.length },
        tokens: sum(lengths),
        localTokens: sum(local),
        localShare: local.length / lengths.length,
      };
      weights += sum(local.map((length) => length * tokenWeight(scale, length)));
    }
    return weights;
  };

  it('sums to 1 over a step, for dr_grpo to the mean share of the length limit', () => {
    fc.assert(
      fc.property(lengthsOf, fc.integer({ min: 1, max: 5 }), (lengths, size) => {
        for (const loss_type of ['grpo', 'bnpo', 'dapo', 'cispo', 'sapo'] as const) {
          expect(total(loss_type, lengths, size)).toBeCloseTo(1, 9);
        }
        const share = sum(lengths) / (lengths.length * MAX_LENGTH);
        expect(total('dr_grpo', lengths, size)).toBeCloseTo(share, 9);
      }),
    );
  });

  it('refuses a loss it does not know', () => {
    const scale = { ...{ sequences: 1, tokens: 1, localTokens: 1, localShare: 1 } };
    expect(() =>
      tokenWeight({ ...scale, loss_type: 'ppo' as LossType, max_completion_length: 1 }, 1),
    ).toThrow(/^loss_type: got "ppo"/);
  });
});
