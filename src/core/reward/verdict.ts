/** What became of an episode's answer: where every outcome reward begins. */
import { answerStep, type Episode } from '../episode/episode.ts';

/** Comparisons an outcome can be judged by. */
export type MatchKind = 'bird' | 'spider' | 'exact';

/**
 * - `right` / `wrong`: the answer ran and its result equals the gold, or does not;
 * - `failed`: it has SQL that does not run (error, timeout, refused);
 * - `none`: no answer that could be read: another kind of last step, or one without SQL;
 * - `missing`: it ran and was compared with nothing, because the gold itself fails.
 */
export type Verdict = 'right' | 'wrong' | 'failed' | 'none' | 'missing';

export function verdictOf(episode: Episode, comparison: MatchKind): Verdict {
  const step = answerStep(episode);
  if (!step?.outcome) return 'none';
  if (step.outcome.kind === 'rows') {
    if (!step.comparison) return 'missing';
    return step.comparison[comparison] ? 'right' : 'wrong';
  }
  return step.sql?.trim() === '' ? 'none' : 'failed';
}
