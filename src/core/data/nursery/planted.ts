/**
 * The corpus of the warm start: gold SQL mixed with planted errors. Each skill (template and wording)
 * has a fixed share q of gold and its own habit of going wrong, so that a policy trained to
 * convergence knows every answer with probability q and errs like a person: in the same way each time.
 * An undertrained policy would not do: nearly all of its samples are wrong in ways that teach nothing.
 */
import { Stream } from '../../random/stream.ts';
import { draft, partition, type Draft } from './draft.ts';
import { nearMiss, type NearMissKind } from './near-miss.ts';
import { renderSql } from './query.ts';
import type { Variant } from './schemas.ts';

/** How often skills are right, as [share of skills, share of gold q]. */
export interface PlantedOptions {
  tiers: readonly (readonly [share: number, q: number])[];
  /** Share of errors whose SQL fails, by a name that does not exist. */
  failing: number;
}

/** Chosen so that the warm start meets `ACCEPTANCE` (train/warm-start.ts) on tuning questions. */
export const PLANTED: PlantedOptions = {
  tiers: [
    [0.35, 0.04],
    [0.33, 0.25],
    [0.32, 0.7],
  ],
  failing: 0.28,
};

/** What a skill does: how often it is right, and the kinds of error it prefers, in order. */
export interface Habit {
  q: number;
  kinds: readonly NearMissKind[];
}

/** Share of wordings that are better or worse known than their template. */
const OWN_TIER = 0.25;

/** Errors in how a query is built come before errors in what it names: they are one choice, not many. */
const STRUCTURAL: readonly NearMissKind[] = [
  'operator',
  'select',
  'order',
  'aggregate',
  'condition',
  'limit',
  'distinct',
  'set',
  'group',
];
const NAMING: readonly NearMissKind[] = ['column', 'join', 'table'];

export function habitOf(skill: string, seed: number, { tiers }: PlantedOptions = PLANTED): Habit {
  const shares = tiers.map(([share]) => share);
  const wording = new Stream(seed, `nursery habit ${skill}`);
  const template = new Stream(seed, `nursery habit ${skill.split('/')[0]}`);
  const source = wording.chance(OWN_TIER) ? wording : template;
  const kinds = [...template.shuffle(STRUCTURAL), ...template.shuffle(NAMING)];
  return { q: tiers[source.weighted(shares)]![1], kinds };
}

export interface PlantedExample extends Draft {
  variant: Variant;
  sql: string;
  /** What is wrong with `sql`; undefined for gold. */
  miss: NearMissKind | undefined;
}

/** Draws one example on one of the schemas, from the training questions only. */
export function plantedExample(
  variants: readonly Variant[],
  stream: Stream,
  seed: number,
  options: PlantedOptions = PLANTED,
): PlantedExample {
  const variant = stream.pick(variants);
  let drafted = draft(variant, stream);
  while (partition(drafted.question) !== 'train') drafted = draft(variant, stream);
  const { q, kinds } = habitOf(drafted.skill, seed, options);
  if (!stream.chance(q)) {
    const preferred = stream.chance(options.failing) ? (['name', ...kinds] as const) : kinds;
    for (const miss of preferred) {
      // The same stream every time: a habit, not noise.
      const habit = new Stream(seed, `nursery miss ${drafted.skill.split('/')[0]}`);
      const wrong = nearMiss(drafted.query, variant, miss, habit);
      if (wrong) return { ...drafted, variant, sql: renderSql(wrong), miss };
    }
  }
  return { ...drafted, variant, sql: renderSql(drafted.query), miss: undefined };
}
