/**
 * Group-relative advantages (GRPO, DeepSeekMath, arXiv 2402.03300) as TRL's GRPOTrainer computes them,
 * and their outcome-only relatives. Missing rewards (NaN) get advantage 0 and are left out of every
 * baseline and deviation.
 */
import * as v from 'valibot';
import { choice } from '../recipe/controls.ts';
import { broadcast, type CreditEpisode, type CreditFunction } from './credit.ts';
import { moments } from './moments.ts';

export type ScaleRewards = 'group' | 'batch' | 'none';

/** TRL's constant under the standard deviation. */
const EPSILON = 1e-4;

/**
 * A = (r − mean_group) / (std + 1e-4), with `scale_rewards` choosing the deviation: of the `group`, of
 * the whole `batch` (the mean stays the group's), or `none`: A = r − mean_group (Dr. GRPO).
 *
 * @param groups rewards of each group's episodes
 */
export function groupRelativeAdvantages(
  groups: readonly (readonly number[])[],
  scale_rewards: ScaleRewards = 'group',
): number[][] {
  const batch = moments(groups.flat());
  return groups.map((rewards) => {
    const group = moments(rewards);
    const std = scale_rewards === 'batch' ? batch.std : group.std;
    const scale = scale_rewards === 'none' ? 1 : std + EPSILON;
    return rewards.map((reward) => (Number.isNaN(reward) ? 0 : (reward - group.mean) / scale));
  });
}

/**
 * RLOO (arXiv 2402.14740): A = r − mean of the *other* rewards of the group, = (r − mean) · n / (n − 1).
 * A reward alone in its group has no baseline and gets 0.
 */
export function leaveOneOutAdvantages(groups: readonly (readonly number[])[]): number[][] {
  return groups.map((rewards) => {
    const { count, mean } = moments(rewards);
    return rewards.map((reward) =>
      Number.isNaN(reward) || count < 2 ? 0 : ((reward - mean) * count) / (count - 1),
    );
  });
}

export type ProcessRewards = 'ignore' | 'sum';

/** Reward of an episode as one number: its outcome, with `sum` its process rewards added. */
export function episodeReward(
  { outcome, rewards }: CreditEpisode,
  process: ProcessRewards = 'ignore',
): number {
  return process === 'sum' ? rewards.reduce((sum, reward) => sum + reward, outcome) : outcome;
}

const forEpisodes =
  (process: ProcessRewards, advantages: (groups: number[][]) => number[][]): CreditFunction =>
  (groups) => {
    const values = advantages(
      groups.map((group) => group.map((episode) => episodeReward(episode, process))),
    );
    return groups.map((group, g) => group.map((episode, i) => broadcast(values[g]![i]!, episode)));
  };

export const groupRelativeOptions = v.strictObject({
  scale_rewards: v.optional(
    v.pipe(
      v.picklist(['group', 'batch', 'none']),
      v.description('divide by the standard deviation of the group, of the batch, or not at all'),
    ),
    'group',
  ),
  process: choice(
    ['ignore', 'sum'],
    'ignore',
    'process rewards: left out, or summed into the reward of the whole episode',
  ),
});

/**
 * GRPO. With `process: sum` it learns from the same process rewards as step-level credit, without telling
 * steps apart: the contrast that isolates credit from reward.
 */
export const groupRelative = ({
  scale_rewards,
  process,
}: v.InferOutput<typeof groupRelativeOptions>): CreditFunction =>
  forEpisodes(process, (rewards) => groupRelativeAdvantages(rewards, scale_rewards));

/** "Dr. GRPO" (arXiv 2503.20783): no division by the deviation. Its loss is `loss_type: dr_grpo`. */
export const drGrpo = (): CreditFunction =>
  forEpisodes('ignore', (rewards) => groupRelativeAdvantages(rewards, 'none'));

export const rloo = (): CreditFunction => forEpisodes('ignore', leaveOneOutAdvantages);
