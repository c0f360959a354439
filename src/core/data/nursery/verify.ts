/** Executed checks of a draft: its answer is worth asking for and near misses give another one. */
import { spiderEqual } from '../../sql/spider.ts';
import type { Stream } from '../../random/stream.ts';
import type { Cell } from '../task.ts';
import type { Draft } from './draft.ts';
import type { NurseryEngine } from './engine.ts';
import { mutants } from './mutants.ts';
import { renderSql, type Query } from './query.ts';
import { ROW_VARIANTS } from './rows.ts';
import type { Variant } from './schemas.ts';

export const MAX_ANSWER_ROWS = 20;
export const MUTANTS = 20;

/** Share of mutants that may give gold's answer on all row variants. */
const MOST_ALIVE = 0.1;
/** Mutants that may share gold's answer on the base rows but not on the variants. */
const MAX_LUCKY = 1;

export type Rejection = 'error' | 'size' | 'null' | 'tie' | 'mutants' | 'lucky';

const ordered = (query: Query): boolean => query.orderBy !== undefined;

/** Equal answers in Spider's sense (EX): bags of rows, sequences where gold is ordered. */
export const sameAnswer = (a: Cell[][], b: Cell[][], query: Query): boolean =>
  spiderEqual(a, b, ordered(query));

/** Keys of an ORDER BY, one more than LIMIT lets through, so that ties show. */
function tieQuery({ select: _, limit, orderBy, ...rest }: Query): string {
  return renderSql({
    ...rest,
    select: [orderBy!.item],
    orderBy: orderBy!,
    ...(limit !== undefined && { limit: limit + 1 }),
  });
}

export interface Verdict {
  rejection?: Rejection;
  /** Gold's rows on the base. */
  answer: Cell[][];
}

const rejected = (rejection: Rejection): Verdict => ({ rejection, answer: [] });

/** Runs a draft and its mutants on all row variants; the engine has the schema loaded. */
export function verify(
  { query }: Draft,
  variant: Variant,
  engine: NurseryEngine,
  stream: Stream,
  mutantCount = MUTANTS,
): Verdict {
  const sql = renderSql(query);
  const answer = engine.query(0, sql);
  if (!answer) return rejected('error');
  if (answer.length === 0 || answer.length > MAX_ANSWER_ROWS) return rejected('size');
  if (answer.every((row) => row.every((cell) => cell === null))) return rejected('null');
  const golds = [answer];
  for (let which = 1; which < ROW_VARIANTS; which++) {
    const rows = engine.query(which, sql);
    if (!rows) return rejected('error');
    golds.push(rows);
  }
  if (query.orderBy) {
    const keys = tieQuery(query);
    for (let which = 0; which < ROW_VARIANTS; which++) {
      const rows = engine.query(which, keys)!;
      if (rows.some((row, i) => i > 0 && row[0] === rows[i - 1]![0])) return rejected('tie');
    }
  }
  const most = Math.ceil(MOST_ALIVE * mutantCount);
  let alive = 0;
  let lucky = 0;
  for (const mutant of mutants(query, variant, mutantCount, stream)) {
    let equal = true;
    for (let which = 0; which < ROW_VARIANTS && equal; which++) {
      const rows = engine.query(which, mutant);
      equal = rows !== undefined && sameAnswer(rows, golds[which]!, query);
      if (!equal && which > 0 && ++lucky > MAX_LUCKY) return rejected('lucky');
    }
    if (equal && ++alive > most) return rejected('mutants');
  }
  return { answer };
}
