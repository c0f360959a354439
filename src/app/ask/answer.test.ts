import { describe, expect, it } from 'vitest';
import type { Candidate } from '../../core/evaluate/ballot.ts';
import type { Outcome } from '../../core/sql/outcome.ts';
import { answerText, outcomeText, voteText } from './answer.ts';

const rows = (rowCount: number, truncated = false): Outcome => ({
  kind: 'rows',
  columns: ['city'],
  rows: [],
  rowCount,
  truncated,
});

const candidate = (votes: number, samples: number, outcome = rows(1)): Candidate => ({
  sql: 'SELECT 1',
  outcome,
  samples,
  votes,
});

it.each<[Outcome, string]>([
  [rows(0), '0 rows'],
  [rows(1), '1 row'],
  [rows(10_000, true), 'more than 10\u202f000 rows'],
  [{ kind: 'error', message: 'no such column: stars' }, 'SQLite: no such column: stars'],
  [{ kind: 'timeout', limitMs: 2000 }, 'stopped after 2\u00a0s'],
  [{ kind: 'refused', reason: 'only SELECT' }, 'refused: only SELECT'],
])('%j is %j', (outcome, text) => {
  expect(outcomeText(outcome)).toBe(text);
});

describe('an answer', () => {
  it('by vote says how many agree', () => {
    const candidates = [candidate(5, 3), candidate(5, 2), candidate(0, 3)];
    expect(voteText(candidates[0]!, candidates)).toBe('5 of 8 votes');
    expect(voteText(candidates[2]!, candidates)).toBe('no vote of 8');
    expect(answerText({ question: '', policy: 'warm start', candidates, seconds: 1.2 })).toBe(
      'Answered in 1.2\u00a0s: 1 row, 5 of 8 votes.',
    );
  });

  it('written greedily has no vote', () => {
    const candidates = [candidate(1, 1)];
    expect(voteText(candidates[0]!, candidates)).toBe('');
    expect(answerText({ question: '', policy: 'warm start', candidates, seconds: 0.4 })).toBe(
      'Answered in 0.4\u00a0s: 1 row.',
    );
  });

  it('may be missing', () => {
    expect(answerText({ question: '', policy: 'warm start', candidates: [], seconds: 1 })).toBe(
      'The policy wrote no query.',
    );
  });
});
