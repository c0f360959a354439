/** Whether a run repeats the one a link came from: update by update, and in one sentence. */
import {
  compareFingerprints,
  type Drift,
  type Fingerprint,
  type FingerprintComparison,
} from '../../core/recipe/fingerprint.ts';
import { NUMERICS_VERSION } from '../../core/recipe/version.ts';
import { counted } from '../recipe/cost.ts';

/**
 * Of an update: `covered` was not listed in the link and is vouched for by its hash over all updates,
 * `unlisted` awaits that hash.
 */
export type CellState = 'equal' | 'differs' | 'covered' | 'unlisted' | 'to come';

export interface Cell {
  /** First and last update it stands for, counted from 1. */
  from: number;
  to: number;
  state: CellState;
}

/** More updates than this are drawn several to a cell, where the link does not list them. */
const MAX_CELLS = 240;

/**
 * The run so far against the link's fingerprint. Until the run has ended, its hash over all updates is
 * unknown and only what the link lists is compared.
 */
export function compareSoFar(
  expected: Fingerprint,
  digests: readonly string[],
  backend: string,
): FingerprintComparison {
  return compareFingerprints(expected, {
    ...expected,
    backend,
    numerics: NUMERICS_VERSION,
    count: digests.length,
    updates: [...digests],
  });
}

function stateOf(
  update: number,
  done: number,
  listed: number,
  { drift, identical }: FingerprintComparison,
  ended: boolean,
): CellState {
  if (drift && drift.part !== 'chain' && drift.update <= update && update <= done) return 'differs';
  if (update > done) return 'to come';
  if (update <= listed) return 'equal';
  if (!ended) return 'unlisted';
  return identical ? 'covered' : drift ? 'differs' : 'unlisted';
}

/**
 * One cell per update; past what the link lists, several updates share one when there are many.
 *
 * @param done updates of the run so far
 * @param ended whether `comparison` is that of the finished run
 */
export function cellsOf(
  { count, updates }: Fingerprint,
  done: number,
  comparison: FingerprintComparison,
  ended: boolean,
): Cell[] {
  const listed = updates.length;
  const size = Math.ceil((count - listed) / Math.max(1, MAX_CELLS - listed));
  const cells: Cell[] = [];
  for (let from = 1; from <= count;) {
    const to = from <= listed ? from : Math.min(count, from + size - 1);
    cells.push({ from, to, state: stateOf(to, done, listed, comparison, ended) });
    from = to + 1;
  }
  return cells;
}

const PARTS: Readonly<Record<Exclude<Drift['part'], 'chain'>, string>> = {
  tokens: 'in the sampled tokens',
  rewards: 'in the rewards',
  weights: 'in the weights',
};

/** Why a drift is no wonder, in brackets; that it is one, when nothing explains it. */
function because(notes: readonly string[]): string {
  return notes.length > 0
    ? ` (${notes.join('; ')}: expected to drift)`
    : ' (same backend and numerics: not expected)';
}

export type Verdict = 'waiting' | 'equal' | 'same' | 'differs' | 'stopped';

/** Where the reproduction stands, in one sentence. */
export function summaryOf(
  { count, updates }: Fingerprint,
  done: number,
  { drift, identical, compared, notes }: FingerprintComparison,
  ended: boolean,
): { verdict: Verdict; text: string } {
  const listed = updates.length;
  if (drift?.part === 'chain') {
    const where =
      listed === 0 ? 'The run' : `After the first ${counted(compared, 'update')}, the run`;
    const text = `${where} differs: the hash over all ${count} is another${because(notes)}.`;
    return { verdict: 'differs', text };
  }
  if (drift) {
    const text = `Differs from update ${drift.update} on, first ${PARTS[drift.part]}${because(notes)}.`;
    return { verdict: 'differs', text };
  }
  if (ended && identical) {
    const text = `The same, bit for bit, over all ${counted(count, 'update')}.`;
    return { verdict: 'same', text };
  }
  if (ended) {
    const text =
      `Ended after ${counted(done, 'update')} of ${count}: equal over the ${compared} ` +
      'that the link lists and this run has.';
    return { verdict: 'stopped', text };
  }
  if (done === 0) {
    const rest = listed < count ? ` The link lists ${listed}; one hash covers them all.` : '';
    return { verdict: 'waiting', text: `0 of ${counted(count, 'update')} compared so far.${rest}` };
  }
  if (done <= listed) {
    return { verdict: 'equal', text: `${done} of ${counted(count, 'update')} equal so far.` };
  }
  const text =
    `All ${counted(listed, 'update')} that the link lists are equal; ${done} of ${count} done, ` +
    'and one hash at the end decides about the rest.';
  return { verdict: 'equal', text };
}
