/**
 * Reward of SQL-R1 (arXiv 2504.08600; DataArcTech/SQL-R1, `verl/utils/reward_score/synsql.py`; papers.md §5):
 * format ±1; where that is right, execution +2 / −2; where it runs, result +3 / −3; and on a match a length
 * reward, min(characters / 2048, 1) / 2 + characters of the SQL / characters of the answer.
 *
 * Unlike that code, a failing gold query is missing here, where there it counts as a match. The format here is
 * the protocol's: a thought (where the protocol has thoughts) and SQL after it.
 */
import * as v from 'valibot';
import { answerStep, type Episode } from '../episode/episode.ts';
import { integer, number } from '../recipe/controls.ts';
import { comparisonOption } from './options.ts';
import { missingReward, type RewardFunction } from './reward.ts';
import { verdictOf } from './verdict.ts';
import { wellFormed } from './skyrl.ts';

const weight = (initial: number, description: string) =>
  number(initial, { min: 0, max: 1000, step: 0.5 }, description);

export const sqlR1Options = v.strictObject({
  comparison: comparisonOption,
  format: weight(1, 'reward of the format, its negative where it is broken'),
  execution: weight(2, 'reward of SQL that runs, its negative where it fails'),
  result: weight(3, 'reward of a match, its negative for another result'),
  length: weight(0.5, 'most that length earns on a match'),
  length_limit: integer(2048, { min: 1, max: 1_000_000 }, 'characters from which length earns all'),
});

/** Characters of thoughts and answer, and the share of the answer that is SQL. */
function lengths(episode: Episode): { characters: number; sqlShare: number } {
  const step = answerStep(episode)!;
  const answer = step.text.split('</think>').at(-1)!.trim();
  const sql = step.sql!.trim();
  const thoughts = episode.steps.reduce((sum, { thought }) => sum + (thought?.length ?? 0), 0);
  const sqlShare = answer.length > 0 ? Math.min(1, sql.length / answer.length) : 1;
  return { characters: thoughts + answer.length, sqlShare };
}

export function sqlR1(options: v.InferOutput<typeof sqlR1Options>): RewardFunction {
  return (episode) => {
    const verdict = verdictOf(episode, options.comparison);
    if (verdict === 'missing') return missingReward();
    const terms = { format: -options.format, execution: 0, result: 0, length: 0 };
    if (verdict !== 'none' && wellFormed(episode)) {
      terms.format = options.format;
      terms.execution = verdict === 'failed' ? -options.execution : options.execution;
      if (verdict === 'wrong') terms.result = -options.result;
      if (verdict === 'right') {
        const { characters, sqlShare } = lengths(episode);
        terms.result = options.result;
        terms.length = options.length * Math.min(characters / options.length_limit, 1) + sqlShare;
      }
    }
    const total = terms.format + terms.execution + terms.result + terms.length;
    return { total, terms, steps: [] };
  };
}
