/**
 * What a beginning is worth: the share of completions by a policy that end right (Monte-Carlo estimation, as
 * Math-Shepherd, arXiv 2312.08935, and Reward-SQL label steps). Beginnings that are equal share their
 * completions; an episode that has ended is worth its own outcome.
 */
import { answerStep, type Episode } from '../../episode/episode.ts';
import type { Draws } from '../compute.ts';
import type { Opening } from '../episodes.ts';
import { openingAfter } from './format.ts';

/** Lets a policy go on from openings, `samples` times each (`goOn` in batches). */
export type GoOn = (
  openings: readonly Opening[],
  samples: number,
  draws: Draws,
) => Promise<Episode[][]>;

/** Whether it ends with an answer whose result is that of the gold query, as sets of rows. */
export const endsRight = (episode: Pick<Episode, 'steps'>): boolean =>
  answerStep(episode as Episode)?.comparison?.bird === true;

export interface ValueGroup {
  /** Number of the group, the same whatever else is valued along with it: it keys the completions. */
  number: number;
  episodes: readonly Episode[];
}

export interface ValueOptions {
  /** Completions of each beginning. */
  samples: number;
  /** Steps that an episode has at most: groups' draws do not overlap. */
  maxTurns: number;
  draws: Omit<Draws, 'prompts'>;
}

export interface Values {
  /** Of every step of every episode of every group, in [0, 1]. */
  values: number[][][];
  /** Completions of each different prefix of each group. */
  completions: Episode[][][];
}

export async function monteCarloValues(
  goOn: GoOn,
  groups: readonly ValueGroup[],
  { samples, maxTurns, draws }: ValueOptions,
): Promise<Values> {
  const openings: Opening[] = [];
  const prompts: number[] = [];
  const groupOf: number[] = [];
  /** Where the opening of each step but the last is in `openings`. */
  const places = groups.map(({ number, episodes }, g) => {
    const known = new Map<string, number>();
    return episodes.map((episode, e) =>
      episode.steps.slice(0, -1).map((_, s) => {
        const opening = openingAfter(episode, s + 1);
        const key = opening.tokens.join();
        let place = known.get(key);
        if (place === undefined) {
          place = openings.push(opening) - 1;
          groupOf.push(g);
          prompts.push((number * episodes.length + e) * maxTurns + s);
          known.set(key, place);
        }
        return place;
      }),
    );
  });
  const completed = openings.length > 0 ? await goOn(openings, samples, { ...draws, prompts }) : [];
  const worth = completed.map(
    (episodes) => episodes.filter(endsRight).length / Math.max(1, episodes.length),
  );
  const values = groups.map(({ episodes }, g) =>
    episodes.map((episode, e) => [
      ...places[g]![e]!.map((place) => worth[place]!),
      ...(episode.steps.length > 0 ? [Number(endsRight(episode))] : []),
    ]),
  );
  const completions = groups.map((_, g) => completed.filter((__, i) => groupOf[i] === g));
  return { values, completions };
}
