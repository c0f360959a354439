/**
 * What is reported about predictions. Pure functions; every rate is a fraction in [0, 1] (R-VES may
 * reach √1.25), to be shown as a percentage.
 */
import { badInput } from '../errors.ts';
import type { Comparison, Outcome } from '../sql/outcome.ts';
import { mean } from './statistics.ts';

/** One question's prediction, executed and compared. */
export interface Judged {
  /** Absent when the policy wrote no query. */
  outcome?: Outcome | undefined;
  comparison?: Comparison | undefined;
  difficulty?: string | undefined;
  /** The database has test-suite variants, even where the prediction never got as far. */
  suite?: boolean;
}

/** Which comparison execution accuracy (EX) counts. */
export type Match = 'bird' | 'spider' | 'exact';

export interface Accuracy {
  count: number;
  /** Execution accuracy. */
  ex: number;
  /** Test-suite accuracy: Spider's EX on the database and its variants. Absent without any. */
  ts?: number;
  /** Mean of BIRD's Soft-F1; 0 for what does not execute. */
  soft_f1: number;
  /** Predictions that do not execute: no query, error, timeout or refused. */
  error_rate: number;
  /** Predictions that execute and return no row. */
  empty_rate: number;
  /** Results that contain the gold result among at least twice its cells. */
  over_broad_rate: number;
}

const share = <T>(items: readonly T[], holds: (item: T) => boolean): number => {
  let count = 0;
  for (const item of items) if (holds(item)) count++;
  return items.length ? count / items.length : 0;
};

/**
 * All of the gold cells (recall 1) among at least twice as many: precision at most 1/2, so that
 * F1 = 2p / (1 + p) is at most 2/3. An F1 of 0 means that the gold result is empty: nothing to contain.
 */
export function isOverBroad({ recall, f1 }: Comparison): boolean {
  return recall === 1 && f1 > 0 && f1 <= 2 / 3 + 1e-12;
}

export function accuracy(judged: readonly Judged[], match: Match = 'bird'): Accuracy {
  const hasSuite = judged.some((item) => item.suite ?? item.comparison?.testSuite !== undefined);
  return {
    count: judged.length,
    ex: share(judged, ({ comparison }) => comparison?.[match] === true),
    ...(hasSuite && {
      ts: share(judged, ({ comparison: c }) => c?.testSuite ?? c?.spider ?? false),
    }),
    soft_f1: judged.length ? mean(judged.map(({ comparison }) => comparison?.softF1 ?? 0)) : 0,
    error_rate: share(judged, ({ outcome }) => outcome?.kind !== 'rows'),
    empty_rate: share(judged, ({ outcome }) => outcome?.kind === 'rows' && outcome.rowCount === 0),
    over_broad_rate: share(judged, ({ comparison }) => !!comparison && isOverBroad(comparison)),
  };
}

/** Accuracy of each difficulty, in the order in which difficulties first occur. */
export function accuracyByDifficulty(
  judged: readonly Judged[],
  match: Match = 'bird',
): Record<string, Accuracy> {
  const groups = new Map<string, Judged[]>();
  for (const item of judged) {
    if (item.difficulty === undefined) continue;
    const group = groups.get(item.difficulty);
    if (group) group.push(item);
    else groups.set(item.difficulty, [item]);
  }
  return Object.fromEntries([...groups].map(([level, group]) => [level, accuracy(group, match)]));
}

/**
 * Probability that k samples drawn from n without replacement, c of them right, contain a right one:
 * 1 − C(n−c, k) / C(n, k), the unbiased estimator of Chen et al. 2021 (arXiv 2107.03374), as a product.
 */
export function passAtK(n: number, c: number, k: number): number {
  if (!(k >= 1 && k <= n)) throw badInput('k', k, `1 to ${n}, the number of samples`);
  if (n - c < k) return 1;
  let miss = 1;
  for (let i = n - c + 1; i <= n; i++) miss *= 1 - k / i;
  return 1 - miss;
}

/** Mean pass@k over questions, each with its samples' verdicts. */
export function meanPassAtK(groups: readonly (readonly boolean[])[], k: number): number {
  let sum = 0;
  for (const group of groups) sum += passAtK(group.length, group.filter(Boolean).length, k);
  return groups.length ? sum / groups.length : 0;
}

/**
 * Execution consistency: the first sample of the largest group of equal results, or −1 when no sample
 * has one. The group whose first sample comes earliest wins a tie.
 *
 * @param keys `resultKey` of each sample; undefined is left out
 */
export function majority(keys: readonly (string | undefined)[]): number {
  const groups = new Map<string, { first: number; size: number }>();
  keys.forEach((key, i) => {
    if (key === undefined) return;
    const group = groups.get(key);
    if (group) group.size++;
    else groups.set(key, { first: i, size: 1 });
  });
  let best = { first: -1, size: 0 };
  for (const group of groups.values()) if (group.size > best.size) best = group;
  return best.first;
}

/** maj@k: share of questions whose majority among the first k samples is right. */
export function majorityAtK(
  groups: readonly (readonly { key: string | undefined; match: boolean }[])[],
  k: number,
): number {
  return share(groups, (group) => {
    const voters = group.slice(0, k);
    return voters[majority(voters.map(({ key }) => key))]?.match === true;
  });
}

/** Shares of groups (questions) all of whose samples are wrong, or right: neither teaches GRPO. */
export function groupShares(groups: readonly (readonly boolean[])[]): {
  all_wrong: number;
  all_right: number;
} {
  return {
    all_wrong: share(groups, (group) => !group.some(Boolean)),
    all_right: share(groups, (group) => group.every(Boolean)),
  };
}
