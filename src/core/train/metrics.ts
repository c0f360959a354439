/** Metrics of sampled episodes, with TRL's names where TRL has one. */
import { groupShares, isOverBroad } from '../evaluate/metrics.ts';
import { answerStep, type Episode } from '../episode/episode.ts';
import { mean, sampleStd } from '../evaluate/statistics.ts';
import { toolMetrics } from '../evaluate/tools.ts';
import type { Group } from './rollout.ts';
import { memorySpread } from './term-spread.ts';

/** Mean over what is there; NaN rewards are missing ones. */
const present = (values: readonly number[]): number[] => values.filter((x) => !Number.isNaN(x));

const average = (values: readonly number[]): number => (values.length > 0 ? mean(values) : NaN);

/**
 * reward, reward_std, rewards/<term>/mean, frac_reward_zero_std, completions/*, entropy, and how the
 * queries ended: `sql/error` (did not execute), `sql/empty`, `sql/ex` (BIRD's match); `sql/queries` ran in all.
 */
export function episodeMetrics(groups: readonly Group[]): Record<string, number> {
  const episodes = groups.flatMap((group) => group.episodes);
  const rewards = groups.flatMap((group) => group.rewards);
  const deviations = groups.map((group) => {
    const totals = present(group.rewards.map(({ total }) => total));
    return totals.length > 1 ? sampleStd(totals) : 0;
  });
  const terms = new Set(rewards.flatMap((reward) => Object.keys(reward.terms)));
  const lengths = episodes.map(({ tokens }) => tokens.length);
  const ended = episodes.filter(({ terminated }) => terminated).map(({ tokens }) => tokens.length);
  const written = episodes.reduce((sum, { mask }) => sum + mask.reduce((n, m) => n + m, 0), 0);
  const entropy = episodes.reduce(
    (sum, { entropies }) => sum + entropies.reduce((a, b) => a + b, 0),
    0,
  );
  const outcomes = episodes.map((episode) => answerStep(episode)?.outcome);
  const broad = episodes.filter((episode) => {
    const comparison = answerStep(episode)?.comparison;
    return comparison !== undefined && isOverBroad(comparison);
  });
  const right = groups.map((group) =>
    group.episodes.map((episode) => answerStep(episode)?.comparison?.bird === true),
  );
  const share = (count: number): number => count / Math.max(1, episodes.length);
  const { all_right, all_wrong } = groupShares(right);
  return {
    reward: average(present(rewards.map(({ total }) => total))),
    reward_std: average(deviations),
    frac_reward_zero_std: deviations.filter((std) => std === 0).length / Math.max(1, groups.length),
    ...Object.fromEntries(
      [...terms].map((term) => [
        `rewards/${term}/mean`,
        average(rewards.map((reward) => reward.terms[term] ?? 0)),
      ]),
    ),
    'completions/mean_length': average(lengths),
    'completions/min_length': Math.min(...lengths),
    'completions/max_length': Math.max(...lengths),
    'completions/mean_terminated_length': average(ended),
    'completions/clipped_ratio': share(episodes.length - ended.length),
    entropy: entropy / Math.max(1, written),
    num_tokens: written,
    'sql/ex': share(right.flat().filter(Boolean).length),
    'sql/error': share(outcomes.filter((outcome) => outcome?.kind !== 'rows').length),
    'sql/queries': episodes
      .flatMap(({ steps }) => steps)
      .filter(({ sql, outcome }) => sql !== undefined && outcome).length,
    'sql/timeout': share(outcomes.filter((outcome) => outcome?.kind === 'timeout').length),
    'sql/empty': share(
      outcomes.filter((outcome) => outcome?.kind === 'rows' && outcome.rowCount === 0).length,
    ),
    'sql/over_broad': share(broad.length),
    ...turnMetrics(episodes),
    ...memorySpread(groups),
    ...cteMetrics(episodes),
    'groups/all_wrong': all_wrong,
    'groups/all_right': all_right,
  };
}

/** turns/mean and turns/unanswered (share of episodes without an answer), where there is more than one turn, and tools/*. */
function turnMetrics(episodes: readonly Episode[]): Record<string, number> {
  const counts = episodes.map(({ steps }) => steps.length);
  if (!counts.some((count) => count > 1)) return {};
  const unanswered = episodes.filter((episode) => !answerStep(episode)).length;
  return {
    'turns/mean': average(counts),
    'turns/unanswered': unanswered / episodes.length,
    ...named('tools/', toolMetrics(episodes)),
  };
}

/** Numbers under a prefix; those that are none are left out. */
export const named = (prefix: string, metrics: object = {}): Record<string, number> =>
  Object.fromEntries(
    Object.entries(metrics as Record<string, number>)
      .filter(([, value]) => !Number.isNaN(value))
      .map(([name, value]) => [prefix + name, value]),
  );
/** ctes/mean (per episode) and ctes/running (share of them whose prefix executes), where there are any. */
function cteMetrics(episodes: readonly Episode[]): Record<string, number> {
  const ctes = episodes.flatMap(({ steps }) => steps.filter(({ kind }) => kind === 'cte'));
  if (ctes.length === 0) return {};
  const running = ctes.filter(({ outcome }) => outcome?.kind === 'rows').length;
  return { 'ctes/mean': ctes.length / episodes.length, 'ctes/running': running / ctes.length };
}
