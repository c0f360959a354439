/** A process reward model choosing answers: Best-of-N among samples, and step-wise guided search. */
import type { Task } from '../../data/task.ts';
import type { Episode } from '../../episode/episode.ts';
import {
  candidateOf,
  scoreBestOfN,
  type Aggregate,
  type BestOfN,
} from '../../evaluate/best-of-n.ts';
import { guidedSearch } from '../../evaluate/guided-search.ts';
import { mean } from '../../evaluate/statistics.ts';
import type { Prompts } from '../context.ts';
import { emptyOpening, type Opening } from '../episodes.ts';
import { fits } from '../evaluation.ts';
import { batchedGoOn, type GoOnContext, type Sampling } from './go-on.ts';
import type { PrmScorer } from './scorer.ts';
import { endsRight } from './values.ts';

/**
 * Every strategy on the samples of each question, those of the model where there is one.
 *
 * @param groups samples of each task, as `evaluateSampled` gives them
 */
export async function evaluateBestOfN(
  { prompts }: { prompts: Pick<Prompts, 'of'> },
  tasks: readonly Task[],
  groups: readonly (readonly Episode[])[],
  scorer?: PrmScorer,
): Promise<BestOfN> {
  const values = await scorer?.score(
    tasks.map((task, i) => ({ prompt: prompts.of(task), episodes: groups[i]! })),
  );
  return scoreBestOfN(
    groups.map((group, g) => group.map((episode, e) => candidateOf(episode, values?.[g]?.[e]))),
  );
}

export interface GuidedOptions {
  /** Steps tried from each beginning. */
  expansions: number;
  beam: number;
  /** By default the last value. */
  by?: Aggregate;
  seed: number;
  /** Questions searched together, 32 by default. */
  batch_size?: number;
}

export interface GuidedScores {
  questions: number;
  accuracy: number;
  /** Means per question: steps tried, steps of the answer, steps after which nothing tried ran. */
  expanded: number;
  steps: number;
  dead_ends: number;
  /** Whether each question is answered right, for paired comparisons. */
  right: boolean[];
}

/** Questions whose prompts leave the policy no room to write count as wrong, and are in no mean but accuracy's. */
export async function evaluateGuided(
  context: GoOnContext,
  tasks: readonly Task[],
  scorer: PrmScorer,
  sampling: Sampling,
  { expansions, beam, by = 'last', seed, batch_size = 32 }: GuidedOptions,
  onBatch: (done: number) => void = () => undefined,
): Promise<GuidedScores> {
  const { prompts } = context;
  const goOn = batchedGoOn(context, sampling, { turns: 1 });
  const readable = tasks.filter((task) => fits(context, task, sampling));
  const found: { best: Opening; expanded: number; deadEnds: number }[] = [];
  for (let first = 0; first < readable.length; first += batch_size) {
    const batch = readable.slice(first, first + batch_size);
    const results = await guidedSearch(
      batch.map(emptyOpening),
      {
        async expand(openings, places, step) {
          const numbers = places.map((place) => first * beam + place);
          const draws = { seed, purpose: 'guided', update: step, prompts: numbers };
          const longer: Opening[][] = await goOn(openings, expansions, draws);
          return longer;
        },
        values: (groups) =>
          scorer.score(
            groups.map((episodes) => ({ prompt: prompts.of(episodes[0]!.task), episodes })),
          ),
      },
      { beam, by, maxSteps: prompts.protocol.maxTurns },
    );
    found.push(...results);
    onBatch(found.length);
  }
  const answered = new Map(readable.map((task, i) => [task, endsRight(found[i]!.best)]));
  const right = tasks.map((task) => answered.get(task) ?? false);
  return {
    questions: tasks.length,
    accuracy: mean(right.map(Number)),
    expanded: mean(found.map(({ expanded }) => expanded)),
    steps: mean(found.map(({ best }) => best.steps.length)),
    dead_ends: mean(found.map(({ deadEnds }) => deadEnds)),
    right,
  };
}
