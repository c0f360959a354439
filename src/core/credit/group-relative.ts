/**
 * Group-relative advantages (GRPO, DeepSeekMath, arXiv 2402.03300) as TRL's GRPOTrainer computes them,
 * and their outcome-only relatives. Missing rewards (NaN) get advantage 0 and are left out of every
 * baseline and deviation.
 */
import * as v from 'valibot';
import { broadcast, type CreditFunction } from './credit.ts';

export type ScaleRewards = 'group' | 'batch' | 'none';

/** TRL's constant under the standard deviation. */
const EPSILON = 1e-4;

interface Moments {
  count: number;
  mean: number;
  /** Sample standard deviation (n − 1); 0 for fewer than two values. */
  std: number;
}

/** Moments of what is there. Taken around the first value: equal values have exactly zero deviation. */
function moments(values: readonly number[]): Moments {
  const present = values.filter((value) => !Number.isNaN(value));
  const count = present.length;
  const origin = present[0] ?? 0;
  let sum = 0;
  for (const value of present) sum += value - origin;
  const mean = origin + sum / count;
  let squares = 0;
  for (const value of present) squares += (value - mean) * (value - mean);
  return { count, mean, std: count > 1 ? Math.sqrt(squares / (count - 1)) : 0 };
}

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

const fromOutcomes =
  (advantages: (groups: number[][]) => number[][]): CreditFunction =>
  (groups) => {
    const values = advantages(groups.map((group) => group.map(({ outcome }) => outcome)));
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
});

export const groupRelative = ({
  scale_rewards,
}: v.InferOutput<typeof groupRelativeOptions>): CreditFunction =>
  fromOutcomes((rewards) => groupRelativeAdvantages(rewards, scale_rewards));

/** "Dr. GRPO" (arXiv 2503.20783): no division by the deviation. Its loss is `loss_type: dr_grpo`. */
export const drGrpo = (): CreditFunction =>
  fromOutcomes((rewards) => groupRelativeAdvantages(rewards, 'none'));

export const rloo = (): CreditFunction => fromOutcomes(leaveOneOutAdvantages);
