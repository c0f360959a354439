/**
 * FINER-SQL's value-aware vote ("vav", papers.md §2.5, `majority_voting.py` of the released code): samples whose
 * results have the same values vote together; results without values and results of zeros only do not stand.
 *
 * A result's signature: the values of each row sorted and joined, rows without repetition, sorted and joined, cut at
 * 200 characters. The largest group wins; among equals the one with the larger signature; where none is left, the
 * largest of all that ran. Its first sample is the answer.
 *
 * This project's: zeros are looked for cell by cell (the code looks at whole rows, and at numbers only, so that
 * a text beside a 0 in one column goes unseen); of a result longer than its preview the preview votes.
 */
import type { Cell } from '../data/task.ts';
import type { Outcome } from '../sql/outcome.ts';

const SIGNATURE_LENGTH = 200;

function valueText(cell: Cell): string {
  if (cell === null) return '';
  if (cell instanceof Uint8Array) return Array.from(cell, (byte) => byte.toString(16)).join('');
  return String(cell);
}

/** Equal for results that vote together. */
export function valueSignature(rows: readonly (readonly Cell[])[]): string {
  const texts = rows.map((row) => row.map(valueText).sort().join('|'));
  return [...new Set(texts)].sort().join(';').slice(0, SIGNATURE_LENGTH);
}

const isZero = (cell: Cell): boolean =>
  typeof cell === 'string' ? /^\s*[-+]?0+(\.0+)?\s*%?\s*$/.test(cell) : Number(cell) === 0;

/** Whether a result says something: a value that is neither missing nor zero. */
const stands = (rows: readonly (readonly Cell[])[]): boolean =>
  rows.some((row) => row.some((cell) => cell !== null && cell !== '' && !isZero(cell)));

interface Group {
  first: number;
  size: number;
  signature: string;
  stands: boolean;
}

/** Which of the samples answers, by its position; −1 when none ran. */
export function valueAwareVote(outcomes: readonly (Outcome | undefined)[]): number {
  const groups = new Map<string, Group>();
  outcomes.forEach((outcome, i) => {
    if (outcome?.kind !== 'rows') return;
    const signature = valueSignature(outcome.rows);
    const group = groups.get(signature);
    if (group) group.size++;
    else groups.set(signature, { first: i, size: 1, signature, stands: stands(outcome.rows) });
  });
  const all = [...groups.values()];
  const standing = all.filter((group) => group.stands);
  let best: Group | undefined;
  for (const group of standing.length > 0 ? standing : all) {
    const larger = !best || group.size > best.size;
    if (larger || (group.size === best!.size && group.signature > best!.signature)) best = group;
  }
  return best?.first ?? -1;
}

/** Share of questions whose vote among the first k samples is right. */
export function valueAwareAtK(
  groups: readonly (readonly { outcome?: Outcome | undefined; match: boolean }[])[],
  k: number,
): number {
  const right = groups.filter((group) => {
    const voters = group.slice(0, k);
    return voters[valueAwareVote(voters.map(({ outcome }) => outcome))]?.match === true;
  });
  return groups.length > 0 ? right.length / groups.length : 0;
}
