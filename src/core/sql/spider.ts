/**
 * Spider's execution match (test-suite-sql-eval `exec_eval.py`, `result_eq`): equal bags of rows under
 * some permutation of the columns; with `ordered`, equal sequences of rows.
 *
 * Cells are equal as in Python (no float tolerance). Two differences from the original, both towards
 * its intent: its quick rejection sorts cells by `str(x) + str(type(x))` and so may reject 1 against
 * 1.0, ours does not; and it enumerates permutations, which explodes on wide results, where we refine
 * and stop at a budget.
 */
import type { Cell } from '../data/task.ts';
import { cellKey } from './cells.ts';

type Rows = readonly (readonly Cell[])[];

/** Cells looked at before an unfinished search counts as "not equal": about half a second. */
const SEARCH_BUDGET = 5_000_000;

export function spiderEqual(predicted: Rows, gold: Rows, ordered: boolean): boolean {
  if (predicted.length !== gold.length) return false;
  if (gold.length === 0) return true;
  const width = gold[0]!.length;
  if (predicted[0]!.length !== width) return false;
  const ids = new Map<string, number>();
  const want = columnsOf(gold, width, ids);
  const got = columnsOf(predicted, width, ids);
  // With order, columns match one by one or not at all: equal bags of columns decide.
  if (ordered) return sameBag(want.map(sequence), got.map(sequence));
  if (sameBag(rowSignatures(want, false), rowSignatures(got, false))) return true;
  if (!sameBag(rowSignatures(want, true), rowSignatures(got, true))) return false;
  return permutationExists(want, got);
}

/** Columns of small integers, equal integers meaning equal cells. */
function columnsOf(rows: Rows, width: number, ids: Map<string, number>): Int32Array[] {
  const columns = Array.from({ length: width }, () => new Int32Array(rows.length));
  rows.forEach((row, r) => {
    for (let c = 0; c < width; c++) {
      // Answers from a file may be ragged; a missing cell equals no cell.
      columns[c]![r] = row.length === width ? intern(ids, cellKey(row[c]!)) : intern(ids, '?');
    }
  });
  return columns;
}

function intern(ids: Map<string, number>, key: string): number {
  let id = ids.get(key);
  if (id === undefined) ids.set(key, (id = ids.size));
  return id;
}

const sequence = (column: Int32Array): string => column.join(',');

/** The original's quick rejection when `sorted`: each row as an unordered bag of cells. */
function rowSignatures(columns: readonly Int32Array[], sorted: boolean): string[] {
  const rows: string[] = [];
  const row = new Int32Array(columns.length);
  for (let r = 0; r < columns[0]!.length; r++) {
    columns.forEach((column, c) => (row[c] = column[r]!));
    rows.push((sorted ? row.toSorted() : row).join(','));
  }
  return rows;
}

function sameBag(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  const counts = new Map<string, number>();
  for (const key of a) counts.set(key, (counts.get(key) ?? 0) + 1);
  for (const key of b) {
    const count = counts.get(key);
    if (!count) return false;
    counts.set(key, count - 1);
  }
  return true;
}

/**
 * Depth-first search for an assignment of predicted to gold columns. A column may only take one with
 * the same bag of cells, equal columns are tried once, and after each choice the rows so far,
 * projected on the chosen columns, must form equal bags.
 */
function permutationExists(want: readonly Int32Array[], got: readonly Int32Array[]): boolean {
  const width = want.length;
  const height = want[0]!.length;
  const bag = (column: Int32Array): string => column.toSorted().join(',');
  const wantBags = want.map(bag);
  const gotBags = got.map(bag);
  if (!sameBag(wantBags, gotBags)) return false;
  const gotSequences = got.map(sequence);
  // Most constrained columns first.
  const freedom = wantBags.map((key) => gotBags.filter((other) => other === key).length);
  const order = [...want.keys()].sort((a, b) => freedom[a]! - freedom[b]! || a - b);
  const used = new Uint8Array(width);
  let budget = SEARCH_BUDGET;

  const search = (depth: number, wantClass: Int32Array, gotClass: Int32Array): boolean => {
    if (depth === width) return true;
    const target = order[depth]!;
    const tried = new Set<string>();
    for (let c = 0; c < width; c++) {
      if (used[c] || gotBags[c] !== wantBags[target] || tried.has(gotSequences[c]!)) continue;
      tried.add(gotSequences[c]!);
      budget -= 2 * height;
      if (budget < 0) return false;
      const refined = refine(wantClass, want[target]!, gotClass, got[c]!);
      if (!refined) continue;
      used[c] = 1;
      if (search(depth + 1, ...refined)) return true;
      used[c] = 0;
    }
    return false;
  };
  return search(0, new Int32Array(height), new Int32Array(height));
}

/** Row classes extended by one more column on each side, or null when their bags differ. */
function refine(
  wantClass: Int32Array,
  wantColumn: Int32Array,
  gotClass: Int32Array,
  gotColumn: Int32Array,
): [Int32Array, Int32Array] | null {
  const ids = new Map<number, number>();
  const counts: number[] = [];
  // Both factors are below 2^26 for results within the cell cap, so the pair is exact in a double.
  const pair = (a: number, b: number): number => a * 0x4000000 + b;
  const nextWant = wantClass.map((value, r) => {
    const key = pair(value, wantColumn[r]!);
    let id = ids.get(key);
    if (id === undefined) ids.set(key, (id = counts.push(0) - 1));
    counts[id]!++;
    return id;
  });
  const nextGot = new Int32Array(gotClass.length);
  for (let r = 0; r < gotClass.length; r++) {
    const id = ids.get(pair(gotClass[r]!, gotColumn[r]!));
    if (id === undefined || counts[id]!-- === 0) return null;
    nextGot[r] = id;
  }
  return [nextWant, nextGot];
}
