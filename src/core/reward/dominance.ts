/**
 * Outcome dominance (papers.md §1.3, safety bound): every step of a right episode must be worth more than any
 * step of a wrong one, whatever their process rewards. Computed from the values themselves: of at most
 * `turns` steps the last may answer, and an answer has no process reward. Smoothing takes means over an
 * episode's steps, so that what holds before it holds after.
 */

export interface Values {
  /** Outcomes. */
  right: number;
  wrong: number;
  unanswered: number;
  /** Largest and smallest process reward a step can have. */
  best: number;
  worst: number;
}

/**
 * Least return of a step of a right episode, greatest of a step of a wrong one: G_t = r_t + γ G_{t+1}, the
 * outcome added to the last step.
 */
export function returnRange(
  { right, wrong, unanswered, best, worst }: Values,
  gamma: number,
  turns: number,
): { leastRight: number; greatestWrong: number } {
  let [low, answered, silent] = [right, wrong, unanswered + best];
  let [leastRight, greatestWrong] = [low, Math.max(answered, silent)];
  for (let before = 1; before < turns; before++) {
    low = worst + gamma * low;
    answered = best + gamma * answered;
    silent = best + gamma * silent;
    leastRight = Math.min(leastRight, low);
    greatestWrong = Math.max(greatestWrong, answered, silent);
  }
  return { leastRight, greatestWrong };
}

export function dominates(values: Values, gamma: number, turns: number): boolean {
  const { leastRight, greatestWrong } = returnRange(values, gamma, turns);
  return leastRight > greatestWrong;
}

/**
 * The bound on alpha below which the outcome dominates, process rewards being alpha times `best` and `worst`;
 * 0 where none does (γ so small that a right answer is forgotten), Infinity where any does.
 */
export function largestAlpha(values: Values, gamma: number, turns: number): number {
  const holds = (alpha: number): boolean =>
    dominates({ ...values, best: alpha * values.best, worst: alpha * values.worst }, gamma, turns);
  let [low, high] = [0, 1];
  if (!holds(0)) return 0;
  while (holds(high)) {
    if (high > 1e6) return Infinity;
    high *= 2;
  }
  for (let round = 0; round < 60; round++) {
    const middle = (low + high) / 2;
    if (holds(middle)) low = middle;
    else high = middle;
  }
  return low;
}
