/** What an update reinforces, as metrics. */
import type { Episode } from '../episode/episode.ts';
import { verdictOf } from '../reward/verdict.ts';

/** A completion whose credit is known. */
export interface Credited {
  episode: Episode;
  /** One for each token. */
  advantages: ArrayLike<number>;
  /** Loss tokens: none where the completion is left out. */
  length: number;
}

const FATES = ['right', 'wrong', 'failing'] as const;

/** By BIRD's comparison; undefined where nobody knows what is right. */
function fateOf(episode: Episode): (typeof FATES)[number] | undefined {
  const verdict = verdictOf(episode, 'bird');
  if (verdict === 'missing') return undefined;
  return verdict === 'right' || verdict === 'wrong' ? verdict : 'failing';
}

/**
 * `advantages/mean_abs`: mean |advantage| over loss tokens, how hard the update pulls whatever the scale of the
 * rewards. `advantages/right`, `/wrong` (executes, other rows than gold's) and `/failing` (or no answer): mean over the loss tokens
 * of such episodes, absent where there are none. Where `/wrong` is above 0 the update teaches wrong answers.
 */
export function advantageMetrics(samples: readonly Credited[]): Record<string, number> {
  const tokens = { right: 0, wrong: 0, failing: 0 };
  const sums = { right: 0, wrong: 0, failing: 0 };
  let [all, absolute] = [0, 0];
  for (const { episode, advantages, length } of samples) {
    if (length === 0) continue;
    const fate = fateOf(episode);
    episode.mask.forEach((m, t) => {
      if (!m) return;
      all++;
      absolute += Math.abs(advantages[t]!);
      if (fate === undefined) return;
      tokens[fate]++;
      sums[fate] += advantages[t]!;
    });
  }
  return {
    'advantages/mean_abs': absolute / Math.max(1, all),
    ...Object.fromEntries(
      FATES.filter((fate) => tokens[fate] > 0).map((fate) => [
        `advantages/${fate}`,
        sums[fate] / tokens[fate],
      ]),
    ),
  };
}
