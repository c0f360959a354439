/**
 * Chain-of-CTEs as text (Reward-SQL, 2505.04671; papers.md §4.1): where a step's rationale ends and its SQL
 * begins, which CTEs it defines, and the query that shows a prefix's result. Any text is read, nothing throws;
 * whatever is odd about a step's SQL is left for SQLite to say.
 */
import { tokens } from './guard.ts';

export interface Cte {
  /** As written, quotes included: it can be put behind FROM. */
  name: string;
  /** `name AS (SELECT …)`. */
  text: string;
}

/** One step: a rationale, then CTEs (one, as a rule) or the final SELECT, or both. */
export interface CteStep {
  thought: string;
  /** Characters of the text before its SQL: the thought with the white space behind it. */
  thoughtLength: number;
  ctes: Cte[];
  /** The final SELECT, '' where the step has none. */
  final: string;
}

const NAME = '(?:[\\p{L}_][\\p{L}\\p{N}_$]*|"[^"]+"|`[^`]+`|\\[[^\\][]+\\])';
const HEAD = `(${NAME})\\s*(?:\\([^()]*\\)\\s*)?AS\\s*(?:(?:NOT\\s+)?MATERIALIZED\\s*)?\\(`;
const WITH = 'WITH(?:\\s+RECURSIVE)?\\s+';

/** Where SQL may begin, most certain first: a rationale may begin with the word "select", too. */
const BEGINNINGS = [
  new RegExp(`^[ \\t]*(?:${WITH})?${HEAD}`, 'imu'),
  /^[ \t]*(?:SELECT|VALUES|WITH)\b/mu,
  /^[ \t]*(?:SELECT|VALUES|WITH)\b/imu,
  new RegExp(`(?:\\b${WITH})?(?<![\\p{L}\\p{N}_$])${HEAD}\\s*(?:SELECT|VALUES|WITH)\\b`, 'iu'),
  /\b(?:SELECT|VALUES)\b/u,
];

const FIRST_HEAD = new RegExp(`^\\s*${HEAD}`, 'iu');
const FIRST_WITH = new RegExp(`^\\s*${WITH}`, 'iu');

/** Index behind the parenthesis that closes the first one, -1 where none does. */
function afterClosing(sql: string): number {
  let depth = 0;
  for (const { kind, text, end } of tokens(sql)) {
    if (kind !== 'symbol') continue;
    if (text === '(') depth++;
    else if (text === ')' && --depth === 0) return end;
  }
  return -1;
}

/** Without space, commas and semicolons at its end. */
function bare(sql: string): string {
  let end = sql.length;
  while (end > 0 && /[\s;,]/.test(sql[end - 1]!)) end--;
  return sql.slice(0, end);
}

function readSql(sql: string): Pick<CteStep, 'ctes' | 'final'> {
  const ctes: Cte[] = [];
  let rest = bare(sql);
  const opened = FIRST_WITH.exec(rest);
  if (opened && FIRST_HEAD.test(rest.slice(opened[0].length))) rest = rest.slice(opened[0].length);
  for (let head = FIRST_HEAD.exec(rest); head; head = FIRST_HEAD.exec(rest)) {
    const closed = afterClosing(rest);
    const end = closed < 0 ? rest.length : closed;
    ctes.push({ name: head[1]!, text: rest.slice(0, end).trim() });
    rest = rest.slice(end);
    const comma = /^\s*,/.exec(rest);
    if (!comma) break;
    rest = rest.slice(comma[0].length);
  }
  rest = rest.trim();
  const last = ctes.at(-1);
  if (!last || rest === '' || /^[\s(]*(?:SELECT|VALUES)\b/i.test(rest))
    return { ctes, final: rest };
  // Neither a CTE nor a query: left where it stands, so that SQLite refuses the step.
  last.text += ` ${rest}`;
  return { ctes, final: '' };
}

/** Reads one step. Text without SQL is all thought. */
export function readCteStep(text: string): CteStep {
  const fence = /```(?:sql(?:ite3?)?\b)?\s*/i.exec(text);
  if (fence) {
    const thoughtLength = fence.index + fence[0].length;
    const [inside] = text.slice(thoughtLength).split('```') as [string];
    return { thought: text.slice(0, fence.index).trim(), thoughtLength, ...readSql(inside) };
  }
  for (const beginning of BEGINNINGS) {
    const found = beginning.exec(text);
    if (!found) continue;
    const thought = text.slice(0, found.index);
    return {
      thought: thought.trim(),
      thoughtLength: thought.length,
      ...readSql(text.slice(found.index)),
    };
  }
  return { thought: text.trim(), thoughtLength: text.length, ctes: [], final: '' };
}

/** Rows that a prefix's query asks for at most, as the paper's code does in training. */
export const PREFIX_LIMIT = 50;

/**
 * The query of a chain: its CTEs before `final`, or, without one, before the query that shows the last CTE.
 * '' when there is nothing to run. (SQLite needs no RECURSIVE.)
 */
export function prefixSql(ctes: readonly Cte[], final = '', limit = PREFIX_LIMIT): string {
  const last = ctes.at(-1);
  if (!last) return final;
  const shown = final === '' ? `SELECT * FROM ${last.name} LIMIT ${limit}` : final;
  return `WITH ${ctes.map(({ text }) => text).join(', ')} ${shown}`;
}

/** False inside a parenthesis that is not closed yet. */
function balanced(sql: string): boolean {
  let depth = 0;
  for (const { kind, text } of tokens(sql)) {
    if (kind !== 'symbol') continue;
    if (text === '(') depth++;
    else if (text === ')') depth--;
  }
  return depth <= 0;
}

/** An open parenthesis waits this long for its end, in characters: each blank line has the step read anew. */
const MAX_OPEN = 8000;

const hasSql = ({ ctes, final }: CteStep): boolean => ctes.length > 0 || final !== '';

/** One text for each CTE of a step and for its final SELECT; the thought stays with the first. */
function separate(text: string): string[] {
  const { thoughtLength, ctes, final } = readCteStep(text);
  const parts = [...ctes.map((cte) => cte.text), ...(final === '' ? [] : [final])];
  if (parts.length < 2) return [text];
  parts[0] = text.slice(0, thoughtLength).replace(/```\w*\s*$/, '') + parts[0];
  return parts;
}

/**
 * A complete Chain-of-CTEs as its steps: separated by blank lines as in the paper's code, except inside
 * parentheses; a rationale on its own belongs to the step after it, and a query with several CTEs becomes as
 * many steps. For scoring and for the process reward model's input.
 */
export function splitCocte(text: string): string[] {
  const steps: string[] = [];
  let open: string | undefined;
  for (const part of text.split(/\n[ \t]*\n\s*/)) {
    if (part.trim() === '') continue;
    const step: string = open === undefined ? part.trim() : `${open}\n${part.trim()}`;
    const read = readCteStep(step);
    const whole = hasSql(read) && balanced(step.slice(read.thoughtLength));
    open = whole || step.length > MAX_OPEN ? undefined : step;
    if (open === undefined) steps.push(...separate(step));
  }
  if (open !== undefined) steps.push(...separate(open));
  return steps;
}

/** Steps as one text: what `splitCocte` takes apart. */
export const joinCocte = (steps: readonly string[]): string => steps.join('\n\n');
