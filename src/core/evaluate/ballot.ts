/** Execution consistency over samples of one question: what they answer, and how many agree. */
import type { Outcome } from '../sql/outcome.ts';
import { resultKey } from './result-key.ts';

/** One SQL text among the samples. */
export interface Candidate {
  sql: string;
  outcome: Outcome;
  /** Samples that wrote exactly this. */
  samples: number;
  /** Samples whose result is the same (`resultKey`); 0 for what fails or finds nothing. */
  votes: number;
}

/**
 * The different queries among samples, those with the most votes first, then as they came: the first is
 * the answer of `majority`, if any has a vote.
 */
export function ballot(samples: readonly { sql: string; outcome: Outcome }[]): Candidate[] {
  const votes = new Map<string, number>();
  for (const { outcome } of samples) {
    const key = resultKey(outcome);
    if (key !== undefined) votes.set(key, (votes.get(key) ?? 0) + 1);
  }
  const candidates = new Map<string, Candidate>();
  for (const { sql, outcome } of samples) {
    const known = candidates.get(sql);
    if (known) known.samples++;
    else {
      const key = resultKey(outcome);
      candidates.set(sql, {
        sql,
        outcome,
        samples: 1,
        votes: key === undefined ? 0 : votes.get(key)!,
      });
    }
  }
  return [...candidates.values()].sort((a, b) => b.votes - a.votes); // stable
}
