/**
 * Comparing a prediction's rows with the gold rows, in the modes of the benchmarks (papers.md §8).
 * All functions are pure and total: any cells, any widths, any number of rows.
 */
import type { Cell } from '../data/task.ts';
import { bagOf, cellKey, normalisedCellKey, overlap, rowKey } from './cells.ts';
import type { Comparison } from './outcome.ts';
import { spiderEqual } from './spider.ts';

type Rows = readonly (readonly Cell[])[];

/**
 * BIRD's EX (mini_dev `evaluation_ex.py`): `set(pred) == set(gold)` on Python tuples. Row order and
 * duplicates are ignored, column order matters, floats are compared exactly, as Python does.
 */
export function birdEqual(predicted: Rows, gold: Rows): boolean {
  const want = new Set(gold.map(rowKey));
  const got = new Set(predicted.map(rowKey));
  if (want.size !== got.size) return false;
  for (const key of got) if (!want.has(key)) return false;
  return true;
}

/**
 * Exact match of 2506.06093 and the relaxed scores, over bags of normalised cells (§3.2, this
 * project's reading): the shape of the result is ignored, so an equal scalar is an equal bag.
 * `recall` is |gold ∩ pred| / |gold|; without gold cells it and F1 are 1 for an empty prediction, else 0.
 */
export function relaxedScores(
  predicted: Rows,
  gold: Rows,
): { exact: boolean; recall: number; f1: number } {
  const got = bagOf(predicted.flatMap((row) => row.map(normalisedCellKey)));
  const want = bagOf(gold.flatMap((row) => row.map(normalisedCellKey)));
  const gotSize = size(got);
  const wantSize = size(want);
  if (gotSize + wantSize === 0) return { exact: true, recall: 1, f1: 1 };
  const common = overlap(want, got);
  return {
    exact: common === wantSize && common === gotSize,
    recall: wantSize === 0 ? 0 : common / wantSize,
    f1: (2 * common) / (gotSize + wantSize),
  };
}

function size(bag: ReadonlyMap<string, number>): number {
  let total = 0;
  for (const count of bag.values()) total += count;
  return total;
}

/**
 * BIRD's Soft-F1 (mini_dev `evaluation_f1.py`): drop duplicate rows (first occurrences stay), pair rows
 * by position, and per pair count cells of the prediction found in the gold row, cells only predicted
 * and cells only in gold, each divided by the gold row's width. Both results empty = 1.
 */
export function softF1(predicted: Rows, gold: Rows): number {
  if (predicted.length === 0 && gold.length === 0) return 1;
  const got = distinctRows(predicted);
  const want = distinctRows(gold);
  let matched = 0;
  let onlyPredicted = Math.max(0, got.length - want.length);
  let onlyGold = Math.max(0, want.length - got.length);
  for (let i = 0; i < Math.min(got.length, want.length); i++) {
    const row = got[i]!;
    const goldRow = want[i]!;
    const inRow = new Set(row);
    const inGold = new Set(goldRow);
    for (const key of row) {
      if (inGold.has(key)) matched += 1 / goldRow.length;
      else onlyPredicted += 1 / goldRow.length;
    }
    for (const key of goldRow) if (!inRow.has(key)) onlyGold += 1 / goldRow.length;
  }
  // Equals 2PR / (P + R) with P = matched / (matched + onlyPredicted), R = matched / (matched + onlyGold).
  return matched === 0 ? 0 : (2 * matched) / (2 * matched + onlyPredicted + onlyGold);
}

/** Keys of the cells of each different row, in order of first occurrence. */
function distinctRows(rows: Rows): string[][] {
  const seen = new Map<string, string[]>();
  for (const row of rows) {
    const key = rowKey(row);
    if (!seen.has(key)) seen.set(key, row.map(cellKey));
  }
  return [...seen.values()];
}

/**
 * QATCH as Think2SQL rewards it (arXiv 2504.15077): the mean of cell precision and cell recall, over the sets of
 * cells, and tuple cardinality, the smaller number of rows over the greater. Both empty = 1, one empty = 0.
 */
export function qatch(predicted: Rows, gold: Rows): number {
  if (predicted.length === 0 || gold.length === 0) return predicted.length === gold.length ? 1 : 0;
  const got = new Set(predicted.flatMap((row) => row.map(cellKey)));
  const want = new Set(gold.flatMap((row) => row.map(cellKey)));
  let common = 0;
  for (const key of got) if (want.has(key)) common++;
  const precision = got.size > 0 ? common / got.size : Number(want.size === 0);
  const recall = want.size > 0 ? common / want.size : Number(got.size === 0);
  const rows = Math.min(predicted.length, gold.length) / Math.max(predicted.length, gold.length);
  return (precision + recall + rows) / 3;
}

/** Every mode at once. `ordered`: whether row order matters in Spider's EX (`ordersRows` of the gold). */
export function compareRows(predicted: Rows, gold: Rows, ordered: boolean): Comparison {
  return {
    bird: birdEqual(predicted, gold),
    spider: spiderEqual(predicted, gold, ordered),
    ...relaxedScores(predicted, gold),
    softF1: softF1(predicted, gold),
    qatch: qatch(predicted, gold),
  };
}

/** Best over several accepted results: each mode for itself. */
export function bestOf(a: Comparison, b: Comparison): Comparison {
  const testSuite =
    a.testSuite === undefined && b.testSuite === undefined
      ? {}
      : { testSuite: a.testSuite === true || b.testSuite === true };
  return {
    bird: a.bird || b.bird,
    spider: a.spider || b.spider,
    exact: a.exact || b.exact,
    recall: Math.max(a.recall, b.recall),
    f1: Math.max(a.f1, b.f1),
    softF1: Math.max(a.softF1, b.softF1),
    qatch: Math.max(a.qatch, b.qatch),
    ...testSuite,
  };
}
