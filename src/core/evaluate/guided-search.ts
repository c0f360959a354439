/**
 * Step-wise guided search (Reward-SQL v3; papers.md §4.5, this project's reading: the paper's details could not
 * be found): from where an answer stands, n next steps are tried; those whose SQL does not run are pruned, and
 * the search goes on from the best by the process reward model, until it answers.
 *
 * Beginnings are ranked by an aggregate of their values, by default the last: that is the model's estimate of
 * what the beginning is worth. Where none of the n runs, the best of them stays, since a failed step can be
 * repaired.
 */
import type { Step } from '../episode/episode.ts';
import { aggregate, type Aggregate } from './best-of-n.ts';

/** An answer as far as it is written. */
interface Beginning {
  steps: readonly Step[];
  tokens: ArrayLike<number>;
}

export interface SearchPorts<B extends Beginning> {
  /**
   * Some beginnings one step longer, for each given.
   *
   * @param places of each among all questions and beams: keys its random numbers @param step counted from 0
   */
  expand(beginnings: readonly B[], places: readonly number[], step: number): Promise<B[][]>;
  /** The model's value of each step of each beginning, grouped as given. */
  values(groups: readonly (readonly B[])[]): Promise<number[][][]>;
}

export interface SearchOptions {
  /** Beginnings kept for each question after each step. */
  beam: number;
  maxSteps: number;
  by: Aggregate;
}

export interface Found<B> {
  /** The best answer, or the best beginning where the steps were used up before one. */
  best: B;
  /** Steps after which nothing that was tried ran. */
  deadEnds: number;
  /** Steps tried. */
  expanded: number;
}

interface Search<B> {
  live: B[];
  answers: { beginning: B; score: number }[];
  /** Highest-ranked of all, answered or not. */
  last: B;
  deadEnds: number;
  expanded: number;
}

const answered = ({ steps }: Beginning): boolean => steps.at(-1)?.kind === 'answer';

/** Different beginnings by score, the best first; equal scores as they came. */
function ranked<B extends Beginning>(
  beginnings: readonly B[],
  scores: readonly number[],
): { beginning: B; score: number }[] {
  const seen = new Set<string>();
  return beginnings
    .map((beginning, i) => ({ beginning, score: scores[i]! }))
    .sort((a, b) => b.score - a.score)
    .filter(({ beginning }) => {
      const key = Array.from(beginning.tokens).join();
      return !seen.has(key) && seen.add(key);
    });
}

/** One search per start, all a step at a time. */
export async function guidedSearch<B extends Beginning>(
  starts: readonly B[],
  { expand, values }: SearchPorts<B>,
  { beam, maxSteps, by }: SearchOptions,
): Promise<Found<B>[]> {
  const searches = starts.map((start): Search<B> => ({
    ...{ live: [start], answers: [], last: start, deadEnds: 0, expanded: 0 },
  }));
  for (let step = 0; step < maxSteps; step++) {
    const going = searches.filter(({ live }) => live.length > 0);
    if (going.length === 0) break;
    const longer = await expand(
      going.flatMap(({ live }) => live),
      searches.flatMap(({ live }, s) => live.map((_, i) => s * beam + i)),
      step,
    );
    let next = 0;
    const tried = going.map(({ live }) => live.flatMap(() => longer[next++]!));
    const scores = await values(tried);
    going.forEach((search, s) => {
      const all = tried[s]!;
      const score = scores[s]!.map((steps) => aggregate(steps, by));
      const runs = all.map(({ steps }) => steps.at(-1)?.outcome?.kind === 'rows');
      const some = runs.some(Boolean);
      const kept = [...all.keys()].filter((i) => !some || runs[i]);
      search.expanded += all.length;
      if (!some) search.deadEnds++;
      const best = ranked(
        kept.map((i) => all[i]!),
        kept.map((i) => score[i]!),
      ).slice(0, beam);
      if (best[0]) search.last = best[0].beginning;
      search.answers.push(...best.filter(({ beginning }) => answered(beginning)));
      search.live = best.map(({ beginning }) => beginning).filter((one) => !answered(one));
    });
  }
  return searches.map(({ answers, last, deadEnds, expanded }) => {
    const [first] = [...answers].sort((a, b) => b.score - a.score);
    return { best: first?.beginning ?? last, deadEnds, expanded };
  });
}
