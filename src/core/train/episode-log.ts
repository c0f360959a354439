/** Lines of episodes.jsonl: what the inspector shows of an episode, in plain JSON. */
import type { Group } from './rollout.ts';
import type { EpisodeLine } from './run-store.ts';

export function episodeLines(step: number, groups: readonly Group[]): EpisodeLine[] {
  return groups.flatMap(({ task, episodes, rewards }, group) =>
    episodes.map((episode, sample) => ({
      ...{ step, group, sample, task: task.id, db_id: task.db_id, question: task.question },
      text: episode.text,
      tokens: episode.tokens,
      logProbs: episode.logProbs,
      entropies: episode.entropies,
      terminated: episode.terminated,
      reward: rewards[sample]!.total,
      terms: rewards[sample]!.terms,
      steps: episode.steps.map(({ kind, start, end, sql, outcome, comparison }) => ({
        ...{ kind, start, end, sql, outcome, comparison },
      })),
    })),
  );
}
