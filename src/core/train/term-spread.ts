/**
 * Whether FINER-SQL's memory term can tell wrong answers apart: their cosines are often nearly constant, and what
 * is constant within a group is taken away by the group's baseline.
 */
import { answerStep } from '../episode/episode.ts';
import { correlation } from '../evaluate/hypothesis.ts';
import { mean, sampleStd } from '../evaluate/statistics.ts';
import type { Group } from './rollout.ts';

const average = (values: readonly number[]): number => (values.length > 0 ? mean(values) : NaN);

/**
 * Of wrong answers that pass the format gate, where there is a memory term: `rewards/memory/wrong_std`, their
 * standard deviation over the update; `rewards/memory/wrong_group_std`, the mean of that within each group;
 * `rewards/memory/wrong_atomic_correlation`, with the atomic term of those that run. NaN where there are too few.
 */
export function memorySpread(groups: readonly Group[]): Record<string, number> {
  if (!groups.some(({ rewards }) => rewards.some(({ terms }) => 'memory' in terms))) return {};
  const wrong = groups.map(({ episodes, rewards }) =>
    rewards.flatMap(({ terms }, i) => {
      const answer = answerStep(episodes[i]!);
      if (answer?.comparison?.bird === true || !(terms['format']! > 0)) return [];
      return [
        {
          memory: terms['memory'] ?? 0,
          atomic: terms['atomic'] ?? 0,
          runs: answer?.outcome?.kind === 'rows',
        },
      ];
    }),
  );
  const cosines = wrong.map((group) => group.map(({ memory }) => memory));
  const all = cosines.flat();
  if (all.every((value) => value === 0)) return {}; // switched off, or nothing remembered yet
  const running = wrong.flat().filter(({ runs }) => runs);
  return {
    'rewards/memory/wrong_std': sampleStd(all),
    'rewards/memory/wrong_group_std': average(
      cosines.filter((group) => group.length > 1).map(sampleStd),
    ),
    'rewards/memory/wrong_atomic_correlation': correlation(
      running.map(({ memory }) => memory),
      running.map(({ atomic }) => atomic),
    ),
  };
}
