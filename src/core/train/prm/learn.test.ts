import * as v from 'valibot';
import { beforeAll, describe, expect, it } from 'vitest';
import { startNumericBackend } from '../../../../test/numeric-backend.test-helper.ts';
import { calibrationError, rocAuc, sigmoid } from '../../evaluate/calibration.ts';
import { initPolicy, type Policy } from '../../model/policy.ts';
import { someTokens, tinyConfig } from '../../model/tiny.test-helper.ts';
import { Stream } from '../../random/stream.ts';
import { localCompute } from '../compute.ts';
import { Optimizer } from '../optimizer.ts';
import {
  fittingGroups,
  learnOptions,
  learnPrm,
  optimizerOptions,
  type LabelledGroup,
  type LearnOptions,
} from './learn.ts';
import { scoreTagged } from './scorer.ts';

beforeAll(startNumericBackend);

const TOKENS = { tag: 31, choices: [30, 29] as const };
const GOOD = 3;
const BAD = 4;

/** A trace is good as long as it has no BAD token; after a GOOD one it is worth more. */
function synthetic(count: number, purpose: string): LabelledGroup[] {
  return Array.from({ length: count }, (_, g) => {
    const stream = new Stream(1, purpose, g);
    const texts = Array.from({ length: 3 }, () => {
      const tokens: number[] = [];
      const tags: number[] = [];
      const labels: number[] = [];
      let value = 0.5;
      for (let step = 0; step < 3; step++) {
        const event = stream.pick([GOOD, BAD, 0]);
        tokens.push(...Array.from(someTokens(3, 20, stream), (id) => id + 5), event);
        if (event === BAD) value = 0;
        if (event === GOOD) value = value === 0 ? 0 : 1;
        tags.push(tokens.length);
        tokens.push(TOKENS.tag);
        labels.push(value);
      }
      return { tokens: Int32Array.from(tokens), tags, labels };
    });
    return { prompt: someTokens(5, 20, stream), texts };
  });
}

const options = (changes: Partial<LearnOptions> = {}): LearnOptions =>
  v.parse(learnOptions, { epochs: 6, learning_rate: 1e-2, batch_size: 24, ...changes });

async function trained(
  seed: number,
  groups: LabelledGroup[],
  chosen = options(),
): Promise<{ policy: Policy; losses: number[] }> {
  const policy = initPolicy(tinyConfig, 1);
  const optimizer = new Optimizer(policy, optimizerOptions(chosen));
  const parts = { compute: localCompute(policy), optimizer, tokens: TOKENS };
  const losses: number[] = [];
  for await (const { loss } of learnPrm(parts, groups, chosen, seed)) {
    losses.push(loss);
  }
  optimizer.dispose();
  return { policy, losses };
}

describe('a process reward model', () => {
  it('learns what makes traces good, on questions it has not seen', async () => {
    const { policy, losses } = await trained(0, synthetic(150, 'train'));
    expect(losses.at(-1)).toBeLessThan(losses[0]! / 2);
    const fresh = synthetic(60, 'held out');
    const logOdds = await scoreTagged(policy, TOKENS, fresh);
    const forecasts = fresh.flatMap(({ texts }, g) =>
      texts.flatMap(({ labels }, t) =>
        labels.map((label, s) => ({ label: label!, score: sigmoid(logOdds[g]![t]![s]!) })),
      ),
    );
    expect(rocAuc(forecasts)).toBeGreaterThan(0.9);
    expect(calibrationError(forecasts, 'mass')).toBeLessThan(0.1);
  });

  it('is a function of the seed', async () => {
    const weights = async (seed: number): Promise<Float32Array> =>
      (await trained(seed, synthetic(20, 'few'), options({ epochs: 1 }))).policy.weights();
    const first = await weights(0);
    expect(await weights(0)).toEqual(first);
    expect(await weights(1)).not.toEqual(first);
  });

  it('does not read traces that are longer than it has positions', () => {
    const policy = initPolicy({ ...tinyConfig, max_position_embeddings: 16 }, 1);
    const [group] = synthetic(1, 'long');
    const short = { tokens: Int32Array.of(1, 31), tags: [1], labels: [0] };
    const kept = fittingGroups([group!, { ...group!, texts: [short, ...group!.texts] }], policy);
    expect(kept).toEqual([{ prompt: group!.prompt, texts: [short] }]);
  });
});
