/** What an update reinforces, as metrics. */
import { answerStep, type Episode } from '../episode/episode.ts';

/** A completion whose credit is known. */
export interface Credited {
  episode: Episode;
  /** One for each token. */
  advantages: ArrayLike<number>;
  /** Loss tokens: none where the completion is left out. */
  length: number;
}

const FATES = ['right', 'wrong', 'failing'] as const;

function fateOf(episode: Episode): (typeof FATES)[number] {
  const { outcome, comparison } = answerStep(episode) ?? {};
  if (outcome?.kind !== 'rows') return 'failing';
  return comparison?.bird ? 'right' : 'wrong';
}

/**
 * `advantages/mean_abs`: mean |advantage| over loss tokens, how hard the update pulls whatever the scale of the
 * rewards. `advantages/right`, `/wrong` (executes, other rows than gold's) and `/failing`: mean over the loss tokens
 * of such episodes, absent where there are none. Where `/wrong` is above 0 the update teaches wrong answers.
 */
export function advantageMetrics(samples: readonly Credited[]): Record<string, number> {
  const tokens = { right: 0, wrong: 0, failing: 0 };
  const sums = { right: 0, wrong: 0, failing: 0 };
  let absolute = 0;
  for (const { episode, advantages, length } of samples) {
    if (length === 0) continue;
    const fate = fateOf(episode);
    episode.mask.forEach((m, t) => {
      if (!m) return;
      tokens[fate]++;
      sums[fate] += advantages[t]!;
      absolute += Math.abs(advantages[t]!);
    });
  }
  const all = tokens.right + tokens.wrong + tokens.failing;
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
