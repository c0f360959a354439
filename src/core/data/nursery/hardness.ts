/**
 * Spider's hardness of a query: `Evaluator.eval_hardness` of the Spider repository's evaluation.py,
 * with its counting as it is there (NOT counts as an aggregate, HAVING as no component).
 */
import type { Condition, Query } from './query.ts';

export type Level = 'easy' | 'medium' | 'hard' | 'extra';
export const LEVELS: readonly Level[] = ['easy', 'medium', 'hard', 'extra'];

const conditionsOf = ({ where, having }: Query): Condition[] => [
  ...(where?.conditions ?? []),
  ...(having ? [having] : []),
];

const negated = (c: Condition): boolean =>
  (c.kind === 'like' || c.kind === 'in') && c.negated === true;

const subquery = (c: Condition): boolean =>
  c.kind === 'in' || (c.kind === 'compare' && typeof c.right === 'object');

export function hardness(query: Query): Level {
  const { select, joins, where, groupBy, orderBy, limit, compound } = query;
  const conditions = conditionsOf(query);
  const ors = where?.connector === 'OR' ? where.conditions.length - 1 : 0;
  const component1 =
    Number(where !== undefined) +
    Number(groupBy !== undefined) +
    Number(orderBy !== undefined) +
    Number(limit !== undefined) +
    joins.length +
    ors +
    conditions.filter((c) => c.kind === 'like').length;
  const component2 = conditions.filter(subquery).length + Number(compound !== undefined);
  const aggregates =
    select.filter((item) => item.aggregate !== undefined).length +
    conditions.filter(negated).length +
    Number(orderBy?.item.aggregate !== undefined);
  const others =
    Number(aggregates > 1) +
    Number(select.length > 1) +
    Number((where?.conditions.length ?? 0) > 1);
  if (component1 <= 1 && others === 0 && component2 === 0) return 'easy';
  if (component2 === 0 && ((others <= 2 && component1 <= 1) || (component1 <= 2 && others < 2))) {
    return 'medium';
  }
  if (
    (component2 === 0 && others > 2 && component1 <= 2) ||
    (component2 === 0 && component1 === 3 && others <= 2) ||
    (component1 <= 1 && others === 0 && component2 <= 1)
  ) {
    return 'hard';
  }
  return 'extra';
}
