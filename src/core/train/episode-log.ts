/** Lines of episodes.jsonl: what the inspector shows of an episode, in plain JSON. */
import type { Group } from './rollout.ts';
import type { EpisodeLine } from './run-store.ts';

export function episodeLines(step: number, groups: readonly Group[]): EpisodeLine[] {
  return groups.flatMap(({ task, episodes, rewards, advantages }, group) =>
    episodes.map((episode, sample) => ({
      ...{ step, group, sample, task: task.id, db_id: task.db_id, question: task.question },
      text: episode.text,
      tokens: episode.tokens,
      logProbs: episode.logProbs,
      entropies: episode.entropies,
      terminated: episode.terminated,
      reward: rewards[sample]!.total,
      terms: rewards[sample]!.terms,
      ...(episode.mask.includes(0) && { mask: episode.mask }),
      steps: episode.steps.map(({ elapsedMs: _, text, ...step }, i) => ({
        ...step,
        ...(episode.steps.length > 1 && { text }), // of one step it is the episode's
        ...(rewards[sample]!.steps.length > 0 && { reward: rewards[sample]!.steps[i] }),
        ...(advantages && { advantage: advantages[sample]![i] }),
      })),
    })),
  );
}
