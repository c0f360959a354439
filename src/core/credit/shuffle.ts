import type { Stream } from '../random/stream.ts';
import type { CreditEpisode } from './credit.ts';

/**
 * The control of every comparison: the rewards of a group dealt out again at random, so that their
 * distribution stays and what they say about an episode is gone. What a method still gains with them
 * it does not owe to its reward. Process rewards are pooled over the group and dealt to its steps.
 *
 * @param stream keyed by update and group, for example `new Stream(seed, 'shuffle', update, group)`
 */
export function shuffleRewards(group: readonly CreditEpisode[], stream: Stream): CreditEpisode[] {
  const outcomes = stream.shuffle(group.map(({ outcome }) => outcome));
  const pool = stream.shuffle(group.flatMap(({ rewards }) => rewards));
  let dealt = 0;
  return group.map((episode, i) => ({
    ...episode,
    outcome: outcomes[i]!,
    rewards: pool.slice(dealt, (dealt += episode.rewards.length)),
  }));
}
