/**
 * How well episodes use tools. Every call that is not needed is wasted in one of three ways, and counted once:
 *
 * - repeated: the same call, normalised, was made before in the episode;
 * - failing: it is malformed, names what does not exist, or does not run;
 * - useless: well-formed, new and running, but not among the calls the task needs. A query that is the very one
 *   then answered is a check, neither needed nor wasted.
 *
 * What a task needs is `Task.needs`; where a dataset does not say, only repeated and failing calls are counted.
 * For people and tables: no reward looks at any of this.
 */
import { answerStep, type Episode, type Step } from '../episode/episode.ts';
import { callKey } from '../episode/tools.ts';
import { normaliseSql } from '../reward/events.ts';

export type CallUse = 'needed' | 'check' | 'repeated' | 'failing' | 'useless' | 'unknown';

/** What became of each call of an episode, in order. */
export function callUses(episode: Episode): CallUse[] {
  const { needs } = episode.task;
  const answer = answerStep(episode)?.sql;
  const made = new Set<string>();
  const isCheck = ({ call, sql }: Step): boolean =>
    call?.tool === 'query' &&
    sql !== undefined &&
    answer !== undefined &&
    normaliseSql(sql) === normaliseSql(answer);
  return episode.steps
    .filter(({ kind }) => kind === 'call')
    .map((step) => {
      const key = step.call && step.call.tool !== '' ? callKey(step.call) : undefined;
      if (key === undefined) return 'failing';
      if (made.has(key)) return 'repeated';
      made.add(key);
      if (step.outcome?.kind !== 'rows') return 'failing';
      if (isCheck(step)) return 'check';
      if (!needs) return 'unknown';
      return needs.includes(key) ? 'needed' : 'useless';
    });
}

export interface ToolMetrics {
  /** Calls per question, and those repeated, failing, useless, and wasted in any of these ways. */
  calls: number;
  repeated: number;
  failing: number;
  useless: number;
  wasted: number;
  /** Share of the needed calls that were made; NaN where nothing is known to be needed. */
  recall: number;
  /** Calls of all episodes for each right answer; NaN without a right one. */
  calls_per_correct: number;
}

/** Undefined for episodes whose protocol has no tools. */
export function toolMetrics(episodes: readonly Episode[]): ToolMetrics | undefined {
  const calling = episodes.some(({ steps, task }) => task.needs ?? steps.some(({ call }) => call));
  if (!calling) return undefined;
  const uses = episodes.flatMap(callUses);
  const count = (...kinds: CallUse[]): number => uses.filter((use) => kinds.includes(use)).length;
  const each = (...kinds: CallUse[]): number => count(...kinds) / episodes.length;
  const needed = episodes.reduce((sum, { task }) => sum + (task.needs?.length ?? 0), 0);
  const right = episodes.filter((episode) => answerStep(episode)?.comparison?.bird).length;
  return {
    calls: uses.length / episodes.length,
    repeated: each('repeated'),
    failing: each('failing'),
    useless: each('useless'),
    wasted: each('repeated', 'failing', 'useless'),
    recall: needed > 0 ? count('needed') / needed : NaN,
    calls_per_correct: right > 0 ? uses.length / right : NaN,
  };
}
