/** A tiny experiment, and pieces that cost nothing. */
import { presetRecipe } from '../../core/recipe/presets.ts';
import type { Experiment } from './experiment.ts';
import type { Make, Piece } from './piece.ts';
import type { RunResult, SplitResult, TrialResult, WarmResult } from './result.ts';

export const tiny: Experiment = {
  name: 'tiny',
  title: 'A tiny experiment',
  paper: {
    title: 'A paper',
    arxiv: '0000.00000',
    claim: 'New is better than old.',
    published: [{ caption: 'Table 1', head: ['method', 'EX'], rows: [['new', '50.0']] }],
  },
  start: 'direct',
  arms: [
    { name: 'no-training', description: 'the warm start', preset: null },
    { name: 'old', description: 'the baseline', preset: 'grpo' },
    { name: 'new', description: 'the method', preset: 'grpo', changes: { grpo: { beta: 0.01 } } },
    { name: 'odd', description: 'an ablation', preset: 'grpo', exploratory: true },
  ],
  contrasts: [
    {
      name: 'new > old',
      a: { arm: 'new', metric: 'ex' },
      b: { arm: 'old', metric: 'ex' },
      claim: { is: 'better', effect: 0.02 },
    },
    {
      name: 'new fails no more than old',
      a: { arm: 'new', metric: 'error' },
      b: { arm: 'old', metric: 'error' },
      claim: { is: 'not-worse', margin: 0.02 },
    },
  ],
  metrics: ['ex', 'error', 'prm_auc'],
  curves: ['reward'],
  trials: { rates: [1e-4, 2e-4], seeds: 2 },
  pilot: 3,
};

/** What the arms reach, give or take a little by seed. */
const REACHED: Record<string, number> = { 'no-training': 0.3, old: 0.5, new: 0.6, odd: 0.55 };

/** Differs between arms too: a paired difference is not the same for every seed. */
const wobble = (seed: number, salt: number): number =>
  (((seed * seed * 3 + seed * salt) % 7) - 3) / 400;

const split = (arm: string, seed: number): SplitResult => ({
  questions: 10,
  ex: REACHED[arm]! + wobble(seed, arm.charCodeAt(0)),
  ...{
    ts: null,
    soft_f1: 0,
    error: 0.1 + wobble(seed, arm.charCodeAt(0)),
    empty: 0,
    over_broad: 0,
  },
  ...{ levels: {}, samples: null },
});

/** Seed 2's warm start is refused, and 1001's; seed 3's process reward model. */
const REFUSED = { warm: new Set([2, 1001]), prm: new Set([3]) };

/** A result for any piece at once. */
export function fakeResult(piece: Piece): WarmResult | TrialResult | RunResult {
  const { seed } = piece;
  if (piece.stage === 'warm' || piece.stage === 'prm') {
    const missed = REFUSED[piece.stage].has(seed) ? ['greedy 0.900, wanted 0.2 to 0.4'] : [];
    return { kind: 'direct', seed, path: '', checkpoint: `warm-${seed}`, missed, report: {} };
  }
  const what = { experiment: 'tiny', arm: piece.arm, seed };
  if (piece.stage === 'trials') {
    const { rate } = piece;
    // `old` does equally well with both.
    const ex = 0.4 + (piece.arm === 'old' ? 0 : 1000 * rate);
    return { ...what, rate, updates: 2, seconds: 1, ex };
  }
  const trained = piece.arm !== 'no-training';
  return {
    ...{ ...what, recipe: presetRecipe('grpo'), fingerprint: null },
    ...{ seconds: trained ? 2 : 0, updates: trained ? 10 : 0 },
    splits: { [piece.stage === 'heldout' ? 'heldout_schemas' : 'dev']: split(piece.arm, seed) },
    ...(trained && {
      costs: { episodes: 1280, tokens: 9000, queries: 1280 },
      curve: {
        updates: [5, 10],
        metrics: { reward: [0.1, 0.2 + wobble(seed, 1)], 'advantages/mean_abs': [0.5, 0.7] },
      },
    }),
  };
}

/** Makes fakes and remembers what it was asked for. */
export function fakeMaker(): { make: Make; made: Piece[] } {
  const made: Piece[] = [];
  return {
    made,
    make: (piece) => {
      made.push(piece);
      return Promise.resolve(fakeResult(piece));
    },
  };
}
