/**
 * Best-of-N (Reward-SQL, 2505.04671; papers.md §4.4): of N candidates those that do not execute are dropped, the
 * others ranked by the values that a process reward model gives their steps. Beside it what needs no model:
 * the majority, and any executable candidate. Pure functions.
 */
import { badInput } from '../errors.ts';
import { answerStep, type Episode } from '../episode/episode.ts';
import { beliefWeights, weightedMean } from '../reward/step-values.ts';
import { majority } from './metrics.ts';
import { resultKey } from './result-key.ts';

/** How the values of a candidate's steps become one number; the released code submits `min`. */
export const AGGREGATES = ['min', 'product', 'last', 'mean', 'weighted'] as const;

export type Aggregate = (typeof AGGREGATES)[number];

/**
 * One number for the values σ_j of a candidate's steps, in [0, 1]; 0 without steps. `weighted` is
 * R_proc = Σ w σ / Σ w with w = 1 − H(σ) in bits (papers.md §4.5, this project's reading of v3).
 */
export function aggregate(values: readonly number[], how: Aggregate): number {
  if (values.length === 0) return 0;
  switch (how) {
    case 'min':
      return values.reduce((least, value) => Math.min(least, value), 1);
    case 'product':
      return values.reduce((product, value) => product * value, 1);
    case 'last':
      return values.at(-1)!;
    case 'mean':
      return values.reduce((sum, value) => sum + value, 0) / values.length;
    case 'weighted':
      return weightedMean(values, beliefWeights(values));
    default:
      throw badInput('aggregate', how, `one of ${AGGREGATES.join(', ')}`);
  }
}

export interface Candidate {
  /** Its answer executes. */
  runs: boolean;
  /** `resultKey` of its answer: candidates with the same agree. */
  key: string | undefined;
  right: boolean;
  /** Of each step, by a process reward model; absent without one. */
  values?: readonly number[];
}

export function candidateOf(episode: Episode, values?: readonly number[]): Candidate {
  const { outcome, comparison } = answerStep(episode) ?? {};
  return {
    runs: outcome?.kind === 'rows',
    key: resultKey(outcome),
    right: comparison?.bird === true,
    ...(values && { values }),
  };
}

/** The executable candidate of the highest aggregate, the first of equals; −1 where none executes. */
export function bestOf(candidates: readonly Candidate[], how: Aggregate): number {
  let best = -1;
  let highest = -Infinity;
  candidates.forEach(({ runs, values }, i) => {
    if (!values) throw badInput('values', null, 'values of steps: a process reward model');
    const score = aggregate(values, how);
    if (runs && score > highest) [best, highest] = [i, score];
  });
  return best;
}

export type Strategy = 'random' | 'majority' | Aggregate;

export interface BestOfN {
  /** Candidates of each question. */
  n: number;
  /** Of one candidate, executable or not, and of any among all. */
  pass_at_1: number;
  pass_at_n: number;
  /** Share of questions answered right. `random` is the expectation over the executable candidates. */
  accuracy: Partial<Record<Strategy, number>>;
  /** The same of each question, for paired comparisons. */
  questions: Partial<Record<Strategy, number[]>>;
}

const share = (values: readonly number[]): number =>
  values.length > 0 ? values.reduce((sum, value) => sum + value, 0) / values.length : 0;

/** Scores every strategy; those of a process reward model where candidates have values. */
export function scoreBestOfN(groups: readonly (readonly Candidate[])[]): BestOfN {
  const right = (candidates: readonly Candidate[], i: number): number =>
    Number(candidates[i]?.right ?? false);
  const questions: Partial<Record<Strategy, number[]>> = {
    random: groups.map((group) =>
      share(group.filter(({ runs }) => runs).map((one) => Number(one.right))),
    ),
    majority: groups.map((group) => right(group, majority(group.map(({ key }) => key)))),
  };
  if (groups.every((group) => group.every(({ values }) => values))) {
    for (const how of AGGREGATES) {
      questions[how] = groups.map((group) => right(group, bestOf(group, how)));
    }
  }
  return {
    n: groups.reduce((most, { length }) => Math.max(most, length), 0),
    pass_at_1: share(groups.map((group) => share(group.map((one) => Number(one.right))))),
    pass_at_n: share(groups.map((group) => Number(group.some((one) => one.right)))),
    accuracy: Object.fromEntries(
      Object.entries(questions).map(([strategy, values]) => [strategy, share(values)]),
    ),
    questions,
  };
}
