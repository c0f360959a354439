/**
 * Long series for narrow plots: no more points than pixels, with the lowest and the highest value of
 * every stretch kept, so that spikes stay to be seen.
 */
import type { Column } from './series.ts';

/**
 * Rows where stretches begin, with the end of the last one behind: `rows` rows in at most `stretches`
 * parts of equal size (but for the last). The size is a power of two, so that the stretches of a growing
 * series stay where they are instead of shimmering.
 */
export function stretchesOf(rows: number, stretches: number): number[] {
  let size = 1;
  while (rows / size > stretches) size *= 2;
  const bounds: number[] = [];
  for (let row = 0; row < rows; row += size) bounds.push(row);
  return [...bounds, rows];
}

/** Two points a stretch: where it begins, and where it ends. */
export function thinSteps(steps: readonly number[], bounds: readonly number[]): number[] {
  return bounds.slice(1).flatMap((end, i) => [steps[bounds[i]!]!, steps[end - 1]!]);
}

/** The lowest and highest value of each stretch, in the order in which they came. */
export function thinExtremes(values: Readonly<Column>, bounds: readonly number[]): Column {
  const thin: Column = [];
  for (let i = 1; i < bounds.length; i++) {
    let low = -1;
    let high = -1;
    for (let row = bounds[i - 1]!; row < bounds[i]!; row++) {
      const value = values[row];
      if (value == null) continue;
      if (low < 0 || value < values[low]!) low = row;
      if (high < 0 || value > values[high]!) high = row;
    }
    const [first, second] = low < high ? [low, high] : [high, low];
    thin.push(first < 0 ? null : values[first]!, second < 0 ? null : values[second]!);
  }
  return thin;
}

/** The last value of each stretch, at its end: for values that are few or change slowly. */
export function thinLast(values: Readonly<Column>, bounds: readonly number[]): Column {
  const thin: Column = [];
  for (let i = 1; i < bounds.length; i++) {
    let row = bounds[i]! - 1;
    while (row > bounds[i - 1]! && values[row] == null) row--;
    thin.push(null, values[row]!);
  }
  return thin;
}
