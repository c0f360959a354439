/**
 * GiGPO (arXiv 2505.10978; verl-agent `gigpo/core_gigpo.py`; papers.md §6.8): the group-relative advantage of the
 * episode, and beside it that of each step among the group's steps taken from the same state.
 *
 * A = A_episode + w · A_step. A_episode compares episode rewards, process rewards summed in; an episode alone in
 * its group keeps its raw reward. A_step compares discounted returns g_t = r_t + γ g_{t+1} among steps whose
 * anchor (what the policy had been shown last) is the same, or `similarity` alike; a step alone in its state
 * gets 0. `mean_norm` only subtracts the mean, `mean_std_norm` divides by the deviation too.
 *
 * Two rules are this project's: episodes that are all alike get zeros, though the same state may come up in
 * several of their steps; and states are grouped in the order of their texts, so that what is alike does not
 * depend on the order of the episodes.
 */
import * as v from 'valibot';
import { badInput } from '../errors.ts';
import { choice, number } from '../recipe/controls.ts';
import { similarity, similarityBound } from '../text/similarity.ts';
import { allAlike, spread, type CreditEpisode, type CreditFunction } from './credit.ts';
import { discountedReturns } from './finestep.ts';
import { episodeReward } from './group-relative.ts';
import { moments } from './moments.ts';

const EPSILON = 1e-6;

export const gigpoOptions = v.strictObject({
  gamma: number(0.95, { min: 0, max: 1, step: 0.01 }, 'discount of a later step; 1 = none'),
  step_weight: number(1, { min: 0, max: 100, step: 0.1 }, 'weight of the step advantages'),
  mode: choice(
    ['mean_norm', 'mean_std_norm'],
    'mean_norm',
    'subtract the mean, or divide by the standard deviation too',
  ),
  similarity: number(
    1,
    { min: 0.5, max: 1, step: 0.05 },
    'how alike two observations must be to count as the same state; 1 = equal (verl-agent: .95)',
  ),
});

type Options = v.InferOutput<typeof gigpoOptions>;

function centred(values: readonly number[], mode: Options['mode']): number[] {
  const { mean, std } = moments(values);
  const scale = mode === 'mean_std_norm' ? std + EPSILON : 1;
  return values.map((value) => (value - mean) / scale);
}

/** Number of the state of each step: the first one seen that is alike enough. */
function states(anchors: readonly string[], threshold: number): number[] {
  const known: string[] = [];
  const exact = new Map<string, number>();
  return anchors.map((anchor) => {
    let state = exact.get(anchor);
    if (state === undefined) {
      const alike = (other: string): boolean =>
        similarityBound(anchor, other) >= threshold && similarity(anchor, other) >= threshold;
      const found = threshold < 1 ? known.findIndex(alike) : -1;
      state = found < 0 ? known.push(anchor) - 1 : found;
      exact.set(anchor, state);
    }
    return state;
  });
}

function anchorsOf({ anchors, steps }: CreditEpisode): readonly string[] {
  if (anchors?.length !== steps.length) {
    throw badInput(
      'anchors',
      anchors ?? null,
      `${steps.length} texts, what was shown before each step`,
    );
  }
  return anchors;
}

/** Advantages of every step of a group; episodes whose outcome is missing get zeros and are nobody's company. */
export function gigpoAdvantages(group: readonly CreditEpisode[], options: Options): number[][] {
  const judged = group.filter(({ outcome }) => !Number.isNaN(outcome));
  const totals = judged.map((episode) => episodeReward(episode, 'sum'));
  const ofEpisodes = judged.length === 1 ? totals : centred(totals, options.mode);
  const returns = judged.flatMap(({ rewards, outcome, steps }) =>
    discountedReturns(rewards, outcome, steps.length, options.gamma),
  );
  const anchors = judged.flatMap(anchorsOf);
  const order = [...anchors.keys()].sort((a, b) => compare(anchors[a]!, anchors[b]!));
  const numbered = states(
    order.map((at) => anchors[at]!),
    options.similarity,
  );
  const members = new Map<number, number[]>();
  order.forEach((at, i) => {
    members.set(numbered[i]!, [...(members.get(numbered[i]!) ?? []), at]);
  });
  const ofSteps = new Array<number>(returns.length).fill(0);
  const alike = allAlike(judged);
  for (const pool of members.values()) {
    if (alike || pool.length < 2) continue;
    const values = centred(
      pool.map((at) => returns[at]!),
      options.mode,
    );
    pool.forEach((at, i) => (ofSteps[at] = values[i]!));
  }
  let episode = 0;
  let step = 0;
  return group.map(({ outcome, steps }) => {
    if (Number.isNaN(outcome)) return steps.map(() => 0);
    const own = ofEpisodes[episode++]!;
    return steps.map(() => own + options.step_weight * ofSteps[step++]!);
  });
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

export const gigpo =
  (options: Options): CreditFunction =>
  (groups) =>
    groups.map((group) =>
      gigpoAdvantages(group, options).map((advantages, i) => spread(advantages, group[i]!)),
    );
