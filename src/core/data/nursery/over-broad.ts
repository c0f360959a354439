/**
 * The corpus of a start that hardly ever answers a question but often answers more than it: gold is rare in every
 * skill, some answers leave out what would narrow them down ("all the cities …" for the one city that was asked
 * for), the others are planted errors. On such a start the reward of 2506.06093 can be collected without being right,
 * as its authors saw CodeGemma do.
 */
import { Stream } from '../../random/stream.ts';
import { draft, partition, type Draft } from './draft.ts';
import { nearMiss, type NearMissKind } from './near-miss.ts';
import { Habits, templateOf } from './planted.ts';
import { renderSql, type Query } from './query.ts';
import type { Variant } from './schemas.ts';
import { clone } from './walk.ts';

/**
 * Shares of answers; the rest is the error that a skill is prone to. One error, not several: of several that are
 * each unlikely, greedy decoding avoids all.
 */
export interface OverBroadOptions {
  right: number;
  broad: number;
}

export const OVER_BROAD: OverBroadOptions = { right: 0.01, broad: 0.2 };

/** Errors that leave the answer's cells as they are, or nearly so: the reward would call them right. */
const HARMLESS: readonly NearMissKind[] = ['order', 'distinct'];

/**
 * A copy that returns the answer among other rows: without conditions, limit and set operation. Undefined where
 * nothing narrows the answer down, or where it is one number about the rows, which more rows would change.
 */
export function broader(query: Query): Query | undefined {
  const { select, where, having, limit, compound, groupBy } = query;
  if (!groupBy && select.some(({ aggregate }) => aggregate !== undefined)) return undefined;
  const narrows = compound && compound.operator !== 'UNION';
  if (!(where ?? having ?? limit ?? narrows)) return undefined;
  const copy = clone(query);
  // Conditions change what is counted in a group: there only whole groups may be added.
  if (!groupBy) delete copy.where;
  delete copy.having;
  delete copy.limit;
  if (narrows) delete copy.compound;
  return renderSql(copy) === renderSql(query) ? undefined : copy;
}

export interface OverBroadExample extends Draft {
  variant: Variant;
  sql: string;
  /** What is wrong with `sql`; undefined for gold. */
  miss: NearMissKind | 'broad' | undefined;
}

/** Draws one example on one of the schemas, from the training questions only. */
export function overBroadExample(
  variants: readonly Variant[],
  stream: Stream,
  seed: number,
  habits: Habits,
  { right, broad }: OverBroadOptions = OVER_BROAD,
): OverBroadExample {
  const variant = stream.pick(variants);
  let drafted = draft(variant, stream);
  while (partition(drafted.question) !== 'train') drafted = draft(variant, stream);
  const { query, skill } = drafted;
  const gold = { ...drafted, variant, sql: renderSql(query), miss: undefined };
  const place = stream.uniform();
  if (place < right) return gold;
  const wider = place < right + broad ? broader(query) : undefined;
  if (wider) return { ...drafted, variant, sql: renderSql(wider), miss: 'broad' };
  for (const miss of habits.of(skill).kinds) {
    if (HARMLESS.includes(miss)) continue;
    // The same stream every time: a habit, not noise.
    const habit = new Stream(seed, `nursery miss ${templateOf(skill)}`);
    const wrong = nearMiss(query, variant, miss, habit);
    if (wrong) return { ...drafted, variant, sql: renderSql(wrong), miss };
  }
  return gold;
}
