/**
 * What a process reward model says about a trajectory, as numbers: σ_j is its probability after step j that the
 * steps so far lead to the right answer. Reward-SQL (arXiv 2505.04671) v3 weights steps by an "inverse entropy"
 * whose formula could not be found; both readings here are this project's (papers.md §4.5).
 */
import { badInput } from '../errors.ts';
import { log } from '../random/math.ts';

/** `value` of each step. Throws `bad_input` where one is missing: a step without a value is not a worthless one. */
export function stepValues(steps: readonly { readonly value?: number }[], at: string): number[] {
  return steps.map(({ value }, i) => checkedValue(value, `${at}.steps[${i}].value`));
}

export function checkedValue(value: number | undefined, at: string): number {
  if (typeof value !== 'number' || !(value >= 0 && value <= 1)) {
    throw badInput(at, value ?? null, 'a probability by a process reward model, 0 to 1');
  }
  return value;
}

/** Entropy in bits of a belief p. */
export function binaryEntropy(p: number): number {
  const term = (x: number): number => (x > 0 ? -x * (log(x) / log(2)) : 0);
  return term(p) + term(1 - p);
}

/** w_j = 1 − H(σ_j): 1 where the model is sure either way, 0 where it cannot tell. */
export const beliefWeights = (values: readonly number[]): number[] =>
  values.map((value) => 1 - binaryEntropy(value));

/** Σ w σ / Σ w; the plain mean where all weights are 0, and 0 without steps. */
export function weightedMean(values: readonly number[], weights: readonly number[]): number {
  if (values.length === 0) return 0;
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (total <= 0) return values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.reduce((sum, value, j) => sum + weights[j]! * value, 0) / total;
}
