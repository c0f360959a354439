/** Where rewards are computed: in this thread, or behind a port that takes whole updates at a time. */
import type { Episode } from '../episode/episode.ts';
import { findReward } from './index.ts';
import type { RewardBreakdown } from './reward.ts';

/** A reward as recipes name it; options that are missing have their defaults. */
export interface RewardChoice {
  name: string;
  options?: unknown;
}

export interface RewardService {
  /** One breakdown per episode, in order. Rejects with `bad_input` for a reward there is not. */
  score(choice: RewardChoice, episodes: Episode[]): Promise<RewardBreakdown[]>;
}

/** In this thread: what Node and tests use, and what a worker answers with. */
export const localRewards: RewardService = {
  async score({ name, options }, episodes) {
    const method = findReward(name);
    const reward = method.make(options);
    await method.prepare(options);
    return episodes.map(reward);
  },
};
