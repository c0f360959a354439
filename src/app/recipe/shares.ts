/**
 * Whole percentages that add up to 100: each share rounded down, the points left over to the largest
 * remainders. All 0 where there is nothing to share.
 */
export function percentages(shares: readonly number[]): number[] {
  const total = shares.reduce((sum, share) => sum + share, 0);
  if (!(total > 0)) return shares.map(() => 0);
  const exact = shares.map((share) => (100 * share) / total);
  const percent = exact.map(Math.floor);
  const left = 100 - percent.reduce((sum, each) => sum + each, 0);
  const byRemainder = exact
    .map((each, i) => ({ i, remainder: each - Math.floor(each) }))
    .sort((a, b) => b.remainder - a.remainder);
  for (const { i } of byRemainder.slice(0, left)) percent[i]!++;
  return percent;
}
