/** Mean and deviation of a group's rewards: what group-relative advantages are made of. */

export interface Moments {
  count: number;
  mean: number;
  /** Sample standard deviation (n − 1); 0 for fewer than two values. */
  std: number;
}

/** Moments of what is there (NaN is missing). Taken around the first value: equal values have exactly zero deviation. */
export function moments(values: readonly number[]): Moments {
  const present = values.filter((value) => !Number.isNaN(value));
  const count = present.length;
  const origin = present[0] ?? 0;
  let sum = 0;
  for (const value of present) sum += value - origin;
  const mean = origin + sum / count;
  let squares = 0;
  for (const value of present) squares += (value - mean) * (value - mean);
  return { count, mean, std: count > 1 ? Math.sqrt(squares / (count - 1)) : 0 };
}
