/**
 * The corpus of the warm start: gold SQL mixed with planted errors. Each skill (template and wording)
 * has a fixed share q of gold and its own habit of going wrong, so that a policy trained to
 * convergence knows every answer with probability q and errs like a person: in the same way each time.
 * An undertrained policy would not do: nearly all of its samples are wrong in ways that teach nothing.
 */
import { Stream } from '../../random/stream.ts';
import { draft, partition, TEMPLATES, type Draft } from './draft.ts';
import { LEVELS } from './hardness.ts';
import { nearMiss, type NearMissKind } from './near-miss.ts';
import { renderSql } from './query.ts';
import type { Variant } from './schemas.ts';

/** How often skills are right, as [share of templates, share of gold q]. */
export interface PlantedOptions {
  tiers: readonly (readonly [share: number, q: number])[];
  /**
   * Share of errors whose SQL is made to fail, by a name that does not exist. Small: a policy of this
   * size, sampled at temperature 1, slips into names that do not exist often enough by itself.
   */
  failing: number;
}

/** Chosen so that the warm start meets `ACCEPTANCE` (train/warm-start.ts) on tuning questions. */
export const PLANTED: PlantedOptions = {
  tiers: [
    [0.38, 0.06],
    [0.34, 0.28],
    [0.28, 0.7],
  ],
  failing: 0.05,
};

/** Errors in how a query is built come before errors in what it names: they are one choice, not many. */
export const STRUCTURAL: readonly NearMissKind[] = [
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
export const NAMING: readonly NearMissKind[] = ['column', 'join', 'table'];

/** What a skill does: how often it is right, and the kinds of error it prefers, in order. */
export interface Habit {
  q: number;
  kinds: readonly NearMissKind[];
}

/** q of each template: within every level the tiers have their shares, whatever the seed. */
function templateShares(seed: number, { tiers }: PlantedOptions): Map<string, number> {
  const shares = new Map<string, number>();
  LEVELS.forEach((level, l) => {
    const order = new Stream(seed, 'nursery tiers', l).shuffle(TEMPLATES[level]);
    order.forEach(({ id }, i) => {
      let place = (i + 0.5) / order.length;
      const tier = tiers.find(([share]) => (place -= share) < 0) ?? tiers.at(-1)!;
      shares.set(id, tier[1]);
    });
  });
  return shares;
}

/** The habits of all skills under one seed. */
export class Habits {
  readonly #seed: number;
  readonly #shares: Map<string, number>;
  readonly #known = new Map<string, Habit>();

  constructor(seed: number, options: PlantedOptions = PLANTED) {
    this.#seed = seed;
    this.#shares = templateShares(seed, options);
  }

  of(skill: string): Habit {
    let habit = this.#known.get(skill);
    if (!habit) {
      const template = templateOf(skill);
      const order = new Stream(this.#seed, `nursery habit ${template}`);
      // Wordings of a template are known a little better or worse.
      const own = 0.75 + 0.5 * new Stream(this.#seed, `nursery habit ${skill}`).uniform();
      habit = {
        q: Math.min(0.95, this.#shares.get(template)! * own),
        kinds: [...order.shuffle(STRUCTURAL), ...order.shuffle(NAMING)],
      };
      this.#known.set(skill, habit);
    }
    return habit;
  }
}

/** Skills are named `<template>/<wording>`. */
export const templateOf = (skill: string): string => skill.slice(0, skill.lastIndexOf('/'));

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
  habits: Habits,
  { failing }: PlantedOptions = PLANTED,
): PlantedExample {
  const variant = stream.pick(variants);
  let drafted = draft(variant, stream);
  while (partition(drafted.question) !== 'train') drafted = draft(variant, stream);
  const { q, kinds } = habits.of(drafted.skill);
  if (!stream.chance(q)) {
    const preferred = stream.chance(failing) ? (['name', ...kinds] as const) : kinds;
    for (const miss of preferred) {
      // The same stream every time: a habit, not noise.
      const habit = new Stream(seed, `nursery miss ${templateOf(drafted.skill)}`);
      const wrong = nearMiss(drafted.query, variant, miss, habit);
      if (wrong) return { ...drafted, variant, sql: renderSql(wrong), miss };
    }
  }
  return { ...drafted, variant, sql: renderSql(drafted.query), miss: undefined };
}
