/**
 * FineStep's credit ("Every Step Counts", arXiv 2605.04719). Its summaries name three dimensions (temporal,
 * logical, group-relative) and discounting, smoothing, normalisation; formulas and constants are this
 * project's reading (papers.md §1.3):
 *
 * 1. G_t = r_t + γ G_{t+1}, the outcome added to the last step's reward;
 * 2. S_t = (1 − λ) G_t + λ · mean of the neighbours of G_t, because a step's worth shows in the next;
 * 3. A_t = (S_t − μ) / (σ + ε) over a pool of steps of the group, σ with n − 1.
 *
 * A group whose episodes are all alike (same outcome, same process rewards) has nothing to compare and gets
 * zeros: without this rule step 3 would tell early steps from late ones. Where episodes are nearly alike, σ is
 * tiny (.04–.06 when all are right) and small differences become |A| ≈ 2: `sigma_floor` bounds that.
 */
import * as v from 'valibot';
import { badInput } from '../errors.ts';
import { choice, flag, number } from '../recipe/controls.ts';
import { allAlike, spread, type CreditEpisode, type CreditFunction } from './credit.ts';
import { groupRelativeAdvantages } from './group-relative.ts';
import { moments } from './moments.ts';

const EPSILON = 1e-6;

export const finestepCreditOptions = v.strictObject({
  process: flag(true, 'use the process rewards; off leaves the outcome alone (ablation)'),
  gamma: number(0.95, { min: 0, max: 1, step: 0.01 }, 'discount of a later step; 1 = none'),
  lambda: number(0.2, { min: 0, max: 1, step: 0.05 }, 'share of the neighbouring steps; 0 = none'),
  pool: choice(
    ['group', 'step_index', 'anchor'],
    'group',
    'steps that are normalised together: all of the group, those in the same place, or those taken ' +
      'after the same observation; one without company joins the whole group',
  ),
  sigma_floor: number(0, { min: 0, max: 10, step: 0.05 }, 'least standard deviation to divide by'),
  trajectory_advantage: flag(
    false,
    'add step advantages to the group-relative advantage of the outcome',
  ),
  step_weight: number(
    1,
    { min: 0, max: 100, step: 0.1 },
    'weight of the step advantages beside the trajectory advantage',
  ),
  focus: choice(
    ['turn', 'reasoning'],
    'turn',
    'tokens that get a step’s advantage: all it wrote, or its thought only',
  ),
});

export type FinestepCreditOptions = v.InferOutput<typeof finestepCreditOptions>;

/** G of each step: r_t + γ G_{t+1}, the outcome added to the last. Missing process rewards are 0. */
export function discountedReturns(
  rewards: readonly number[],
  outcome: number,
  count: number,
  gamma: number,
): number[] {
  const returns = new Array<number>(count).fill(0);
  let next = 0;
  for (let t = count - 1; t >= 0; t--) {
    const last = t === count - 1;
    next = (rewards[t] ?? 0) + (last ? outcome : gamma * next);
    returns[t] = next;
  }
  return returns;
}

/** (1 − λ) G_t + λ · mean of the existing neighbours; a step alone keeps its own. */
export function smooth(returns: readonly number[], lambda: number): number[] {
  return returns.map((own, t) => {
    const around = [returns[t - 1], returns[t + 1]].filter((value) => value !== undefined);
    if (around.length === 0) return own;
    const mean = around.length === 2 ? (around[0]! + around[1]!) / 2 : around[0]!;
    return own + lambda * (mean - own);
  });
}

/** (value − μ) / (max(σ, floor) + ε), zero for a pool of equal values. */
export function normalised(values: readonly number[], floor = 0): number[] {
  const { mean, std } = moments(values);
  return values.map((value) => (value - mean) / (Math.max(std, floor) + EPSILON));
}

/** Key of the pool of every step, one list an episode. */
function poolKeys(
  group: readonly CreditEpisode[],
  pool: FinestepCreditOptions['pool'],
): string[][] {
  return group.map(({ steps, anchors }) =>
    steps.map((_, t) => {
      if (pool === 'group') return '';
      if (pool === 'step_index') return String(t);
      if (anchors?.[t] === undefined) {
        throw badInput('anchors', anchors ?? null, 'what was shown before each step');
      }
      return anchors[t];
    }),
  );
}

/** Normalises each value within its pool; a pool of one is normalised within all. */
function withinPools(values: number[][], keys: string[][], floor: number): number[][] {
  const pools = new Map<string, number[]>();
  values.forEach((list, i) =>
    list.forEach((value, t) => {
      const key = keys[i]![t]!;
      pools.set(key, [...(pools.get(key) ?? []), value]);
    }),
  );
  const all = values.flat();
  const scaled = new Map<string, number[]>();
  for (const [key, pool] of pools) if (pool.length > 1) scaled.set(key, normalised(pool, floor));
  const inAll = normalised(all, floor);
  const taken = new Map<string, number>();
  let next = 0;
  return values.map((list, i) =>
    list.map((_, t) => {
      const key = keys[i]![t]!;
      const at = taken.get(key) ?? 0;
      taken.set(key, at + 1);
      const alone = inAll[next++]!;
      return scaled.get(key)?.[at] ?? alone;
    }),
  );
}

/** Advantages of every step of a group; episodes whose outcome is missing get zeros and join no pool. */
export function finestepAdvantages(
  group: readonly CreditEpisode[],
  options: FinestepCreditOptions,
): number[][] {
  const { process, gamma, lambda, pool, sigma_floor } = options;
  const judged = group.filter(({ outcome }) => !Number.isNaN(outcome));
  const values = judged.map(({ outcome, rewards, steps }) =>
    smooth(discountedReturns(process ? rewards : [], outcome, steps.length, gamma), lambda),
  );
  const alike = allAlike(judged, process);
  const advantages = alike
    ? values.map((list) => list.map(() => 0))
    : withinPools(values, poolKeys(judged, pool), sigma_floor);
  let next = 0;
  const ofSteps = group.map(({ outcome, steps }) =>
    Number.isNaN(outcome) ? steps.map(() => 0) : advantages[next++]!,
  );
  if (!options.trajectory_advantage) return ofSteps;
  const [ofEpisodes] = groupRelativeAdvantages([group.map(({ outcome }) => outcome)]);
  return ofSteps.map((list, i) => list.map((a) => ofEpisodes![i]! + options.step_weight * a));
}

/** Steps cut to their thoughts; one without a thought stays whole. */
const thoughtsOnly = (episode: CreditEpisode): CreditEpisode => ({
  ...episode,
  steps: episode.steps.map(({ start, end, thoughtEnd }) => ({ start, end: thoughtEnd ?? end })),
});

export const finestepCredit =
  (options: FinestepCreditOptions): CreditFunction =>
  (groups) =>
    groups.map((group) =>
      finestepAdvantages(group, options).map((advantages, i) =>
        spread(advantages, options.focus === 'reasoning' ? thoughtsOnly(group[i]!) : group[i]!),
      ),
    );
