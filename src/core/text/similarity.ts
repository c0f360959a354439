/**
 * How alike two texts are: Ratcliff and Obershelp's measure as Python's `difflib.SequenceMatcher.ratio` computes
 * it, its rule against frequent characters included (in texts of 200 characters or more, characters that make
 * up over 1 % begin no match).
 */

/** Where each character of `b` is, without the frequent ones. */
function positionsOf(b: string): Map<string, number[]> {
  const positions = new Map<string, number[]>();
  for (let j = 0; j < b.length; j++) {
    const known = positions.get(b[j]!);
    if (known) known.push(j);
    else positions.set(b[j]!, [j]);
  }
  if (b.length >= 200) {
    const frequent = Math.floor(b.length / 100) + 1;
    for (const [character, found] of positions) {
      if (found.length > frequent) positions.delete(character);
    }
  }
  return positions;
}

interface Match {
  i: number;
  j: number;
  size: number;
}

/** The longest common run of a[lowA, highA) and b[lowB, highB), the first of several. */
function longestMatch(
  a: string,
  b: string,
  positions: ReadonlyMap<string, number[]>,
  [lowA, highA, lowB, highB]: readonly [number, number, number, number],
): Match {
  let best: Match = { i: lowA, j: lowB, size: 0 };
  let lengths = new Map<number, number>();
  for (let i = lowA; i < highA; i++) {
    const next = new Map<number, number>();
    for (const j of positions.get(a[i]!) ?? []) {
      if (j < lowB) continue;
      if (j >= highB) break;
      const size = (lengths.get(j - 1) ?? 0) + 1;
      next.set(j, size);
      if (size > best.size) best = { i: i - size + 1, j: j - size + 1, size };
    }
    lengths = next;
  }
  // Frequent characters begin no match, but may lengthen one.
  let { i, j, size } = best;
  while (i > lowA && j > lowB && a[i - 1] === b[j - 1]) [i, j, size] = [i - 1, j - 1, size + 1];
  while (i + size < highA && j + size < highB && a[i + size] === b[j + size]) size++;
  return { i, j, size };
}

/** 2 · matched characters / all characters, in [0, 1]; 1 for two empty texts. */
export function similarity(a: string, b: string): number {
  if (a === b) return 1;
  const positions = positionsOf(b);
  let matched = 0;
  const open: (readonly [number, number, number, number])[] = [[0, a.length, 0, b.length]];
  for (let part = open.pop(); part; part = open.pop()) {
    const [lowA, highA, lowB, highB] = part;
    const { i, j, size } = longestMatch(a, b, positions, part);
    if (size === 0) continue;
    matched += size;
    if (lowA < i && lowB < j) open.push([lowA, i, lowB, j]);
    if (i + size < highA && j + size < highB) open.push([i + size, highA, j + size, highB]);
  }
  return (2 * matched) / (a.length + b.length);
}

/** An upper bound of `similarity` that costs nothing. */
export const similarityBound = (a: string, b: string): number =>
  a.length + b.length === 0 ? 1 : (2 * Math.min(a.length, b.length)) / (a.length + b.length);
