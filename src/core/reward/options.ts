/** Options that several rewards share. */
import * as v from 'valibot';
import { choice } from '../recipe/controls.ts';

export const comparisonOption = choice(
  ['bird', 'spider', 'exact'],
  'bird',
  'what counts as a match: bird (equal sets of rows), spider (equal bags, order if the gold ' +
    'orders, columns in any order), exact (equal bags of cells)',
);

/** A value of a reward: any finite number. */
export const value = (initial: number, description: string) =>
  v.optional(v.pipe(v.number(), v.finite(), v.description(description)), initial);
