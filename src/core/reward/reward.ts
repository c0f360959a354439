import type { Episode } from '../episode/episode.ts';

/** Named reward terms as optimised (weights applied); `total` and `steps` are what credit sees. */
export interface RewardBreakdown {
  /**
   * Reward of the whole episode, process rewards left out (what becomes of those is credit's choice); NaN when
   * it cannot be judged, as TRL's missing rewards.
   */
  total: number;
  /** Terms of `total`, and sums of process rewards under their own names. */
  terms: Record<string, number>;
  /** Process reward per step, same length as `episode.steps`; empty for outcome-only rewards. */
  steps: number[];
}

/** A reward reads an Episode and nothing else. */
export type RewardFunction = (episode: Episode) => RewardBreakdown;

/**
 * The reward of an episode whose result was compared with nothing, for instance because the gold SQL
 * itself fails: credit gives it advantage 0 and leaves it out of the group's baseline.
 */
export function missingReward(): RewardBreakdown {
  return { total: NaN, terms: {}, steps: [] };
}
