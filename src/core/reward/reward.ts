import type { Episode } from '../episode/episode.ts';

/** Named reward terms as optimised (weights applied); `total` is what credit sees. */
export interface RewardBreakdown {
  total: number;
  terms: Record<string, number>;
  /** Process reward per step, same length as `episode.steps`; empty for outcome-only rewards. */
  steps: number[];
}

/** A reward reads an Episode and nothing else. */
export type RewardFunction = (episode: Episode) => RewardBreakdown;
