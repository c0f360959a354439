/**
 * Reward of SkyRL-SQL (NovaSky-AI/SkyRL, `skyrl-gym/envs/sql`; papers.md §6.1): terminal only. −1 where the
 * format is broken, else 1 for a matching result set and 0 otherwise.
 *
 * Format there: one solution, no tags inside it, and every turn begins with a thought. Here the protocol reads
 * turns, so that it is: the last step answers with SQL, no tag is left in that SQL, and no step lacks its thought
 * (protocols without thoughts ask for none).
 */
import * as v from 'valibot';
import { answerStep, type Episode } from '../episode/episode.ts';
import { comparisonOption, value } from './options.ts';
import { missingReward, type RewardFunction } from './reward.ts';
import { verdictOf } from './verdict.ts';

export const skyrlOptions = v.pipe(
  v.strictObject({
    comparison: comparisonOption,
    malformed: value(-1, 'reward of an episode whose format is broken'),
  }),
  v.forward(
    v.check(({ malformed }) => malformed <= 0, 'at most 0, which a wrong answer earns'),
    ['malformed'],
  ),
);

const TAG = /<\/?(think|sql|call|query|solution|answer|observation|result|reminder)>/i;

/** Whether the episode keeps to the format. */
export function wellFormed(episode: Episode): boolean {
  const sql = answerStep(episode)?.sql?.trim() ?? '';
  return (
    sql !== '' && !TAG.test(sql) && episode.steps.every(({ thought }) => thought?.trim() !== '')
  );
}

export function skyrl(options: v.InferOutput<typeof skyrlOptions>): RewardFunction {
  return (episode) => {
    const verdict = verdictOf(episode, options.comparison);
    if (verdict === 'missing') return missingReward();
    const formed = verdict !== 'none' && wellFormed(episode);
    const terms = {
      format: formed ? 0 : options.malformed,
      execution_match: formed && verdict === 'right' ? 1 : 0,
    };
    return { total: terms.format + terms.execution_match, terms, steps: [] };
  };
}
