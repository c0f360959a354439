/** What the page says about the answer to a question. */
import type { Candidate } from '../../core/evaluate/ballot.ts';
import type { Outcome } from '../../core/sql/outcome.ts';
import { counted } from '../recipe/cost.ts';
import { duration } from '../ui/format.ts';

export interface Answer {
  question: string;
  /** Best first, as `ballot` gives them. */
  candidates: readonly Candidate[];
  /** Who answered: the policy may have moved on since. */
  policy: string;
  seconds: number;
}

/** What became of a query, in a few words. */
export function outcomeText(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'rows':
      return outcome.truncated
        ? `more than ${counted(outcome.rowCount, 'row')}`
        : counted(outcome.rowCount, 'row');
    case 'error':
      return `SQLite: ${outcome.message}`;
    case 'timeout':
      return `stopped after ${duration(outcome.limitMs / 1000)}`;
    case 'refused':
      return `refused: ${outcome.reason}`;
  }
}

const samplesOf = (candidates: readonly Candidate[]): number =>
  candidates.reduce((sum, { samples }) => sum + samples, 0);

/** How a candidate did in the vote; '' where only one query was written. */
export function voteText({ votes }: Candidate, candidates: readonly Candidate[]): string {
  const samples = samplesOf(candidates);
  if (samples <= 1) return '';
  return votes === 0 ? `no vote of ${samples}` : `${votes} of ${samples} votes`;
}

/** The sentence that is read out when an answer has come. */
export function answerText({ candidates, seconds }: Answer): string {
  const best = candidates[0];
  if (!best) return 'The policy wrote no query.';
  const vote = voteText(best, candidates);
  const parts = [outcomeText(best.outcome), ...(vote ? [vote] : [])];
  return `Answered in ${duration(seconds)}: ${parts.join(', ')}.`;
}
