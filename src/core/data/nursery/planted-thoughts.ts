/**
 * The corpus of the thinking warm start: a thought (thoughts.ts) and the SQL it leads to, gold mixed with planted
 * errors. Harder than planted.ts in two ways: skills are right less often, and what goes wrong with one is up to
 * two slips that come independently of each other, one in how the query is built and one in what it names. So a
 * group without a right answer still holds answers that are nearer to it than others, which is what dense rewards
 * are for; with one habitual error there would be nothing for them to tell apart.
 */
import { Stream } from '../../random/stream.ts';
import { draft, partition, type Draft } from './draft.ts';
import { nearMiss, type NearMissKind } from './near-miss.ts';
import { Habits, NAMING, templateOf, type PlantedOptions } from './planted.ts';
import { renderSql, type Query } from './query.ts';
import type { Variant } from './schemas.ts';
import { thoughtOf } from './thoughts.ts';

export interface ThoughtOptions extends PlantedOptions {
  /** Share of wrong answers whose thought is wrong in the same way; the others think right and write wrong. */
  faithful: number;
}

/** Chosen on tuning questions so that the warm start meets its limits (train/warm-start.ts). */
export const PLANTED_THOUGHTS: ThoughtOptions = {
  tiers: [
    [0.54, 0.01],
    [0.3, 0.05],
    [0.16, 0.25],
  ],
  failing: 0.05,
  faithful: 0.85,
};

export interface ThoughtExample extends Draft {
  variant: Variant;
  thought: string;
  sql: string;
  /** What is wrong with `sql`, in order; none for gold. */
  misses: readonly NearMissKind[];
}

/** Draws one example on one of the schemas, from the training questions only. `gold` plants no errors. */
export function thoughtExample(
  variants: readonly Variant[],
  stream: Stream,
  seed: number,
  habits: Habits,
  gold: boolean,
  options: ThoughtOptions = PLANTED_THOUGHTS,
): ThoughtExample {
  const variant = stream.pick(variants);
  let drafted = draft(variant, stream);
  while (partition(drafted.question) !== 'train') drafted = draft(variant, stream);
  const { query, misses } = gold
    ? { query: drafted.query, misses: [] }
    : slipped(drafted, variant, stream, seed, habits, options);
  const thinksSo = misses.length === 0 || stream.chance(options.faithful);
  const thought = thoughtOf(thinksSo ? query : drafted.query, stream);
  return { ...drafted, variant, thought, sql: renderSql(query), misses };
}

interface Slipped {
  query: Query;
  misses: readonly NearMissKind[];
}

function slipped(
  { query: right, skill }: Draft,
  variant: Variant,
  stream: Stream,
  seed: number,
  habits: Habits,
  { failing }: ThoughtOptions,
): Slipped {
  const { q, kinds } = habits.of(skill);
  const isNaming = (kind: NearMissKind): boolean => NAMING.includes(kind);
  const naming = kinds.filter(isNaming);
  const groups = [
    kinds.filter((kind) => !isNaming(kind)),
    stream.chance(failing) ? (['name', ...naming] as const) : naming,
  ];
  const slip = (query: Query, from: readonly NearMissKind[]): Slipped | undefined => {
    for (const kind of from) {
      // The same stream every time: a habit, not noise.
      const habit = new Stream(seed, `nursery miss ${templateOf(skill)}`);
      const wrong = nearMiss(query, variant, kind, habit);
      if (wrong) return { query: wrong, misses: [kind] };
    }
    return undefined;
  };
  const possible = groups.filter((group) => slip(right, group));
  // Slips are independent, and none of them happens with probability q.
  const each = possible.length === 2 ? Math.sqrt(q) : q;
  let done: Slipped = { query: right, misses: [] };
  for (const group of possible) {
    if (stream.chance(each)) continue;
    const next = slip(done.query, group);
    if (next) done = { query: next.query, misses: [...done.misses, ...next.misses] };
  }
  return done;
}
