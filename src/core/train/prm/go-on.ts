/** `goOn` over any number of openings, in batches that fit the policy's positions. */
import type { Episode } from '../../episode/episode.ts';
import type { Policy } from '../../model/policy.ts';
import type { SampleRequest } from '../compute.ts';
import { goOn, type EpisodeContext, type GoOnOptions, type Opening } from '../episodes.ts';
import type { GoOn } from './values.ts';

/** Gold is the judge where there is one, whatever the reward learns from. */
const JUDGE = { supervision: ['gold', 'answer'] as const };

/** Sequences decoded together: memory, not results, depends on it. */
const BATCH = 256;

export type GoOnContext = EpisodeContext & { policy: Pick<Policy, 'config'> };

export type Sampling = Pick<
  SampleRequest,
  'max_completion_length' | 'temperature' | 'top_p' | 'eos_token_id'
>;

/** Batches of places, openings of like length together. */
function batches(
  { policy, prompts }: GoOnContext,
  openings: readonly Opening[],
  samples: number,
  limit: number,
): number[][] {
  const { max_position_embeddings: positions } = policy.config;
  const size = (i: number): number => openings[i]!.tokens.length;
  const order = [...openings.keys()].sort((a, b) => size(a) - size(b) || a - b);
  const all: number[][] = [];
  let room = 0;
  let longest = 0;
  for (const i of order) {
    const last = all.at(-1);
    const read = prompts.of(openings[i]!.task).length + size(i);
    // The first of a batch has the shortest opening, and with it the most room.
    const fits = last && Math.max(longest, read) + room <= positions;
    if (fits && (last.length + 1) * samples <= Math.max(BATCH, samples)) {
      last.push(i);
      longest = Math.max(longest, read);
    } else {
      all.push([i]);
      room = limit - size(i);
      longest = read;
    }
  }
  return all;
}

/** @throws StepSqlError when a prompt with the longest episode exceeds the policy's positions */
export function batchedGoOn(
  context: GoOnContext,
  sampling: Sampling,
  options: GoOnOptions = {},
): GoOn {
  return async (openings, samples, draws) => {
    const found: Episode[][] = [];
    for (const batch of batches(context, openings, samples, sampling.max_completion_length)) {
      const request = {
        ...{ ...sampling, num_generations: samples },
        draws: { ...draws, prompts: batch.map((i) => draws.prompts[i]!) },
      };
      const members = batch.map((i) => openings[i]!);
      const episodes = await goOn(context, members, JUDGE, request, options);
      batch.forEach((i, b) => (found[i] = episodes[b]!));
    }
    return found;
  };
}
