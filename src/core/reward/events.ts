/**
 * What a step did, as the executor saw it: the events that FineStep's process rewards are about (papers.md
 * §1.3, this project's reading). A step is judged by itself and the steps before it, never by the answer.
 */
import type { Step } from '../episode/episode.ts';
import { rowKey } from '../sql/cells.ts';

/**
 * - `novel`: a well-formed call that runs and returns something not seen in the episode;
 * - `empty`: it runs and returns nothing;
 * - `failed`: error, timeout or refused;
 * - `repeated`: the same call as before, or the same result set as an earlier call;
 * - `malformed`: no call could be read, and no answer;
 * - `answer`: the outcome is about it.
 */
export type StepEvent = 'novel' | 'empty' | 'failed' | 'repeated' | 'malformed' | 'answer';

/** SQL without what does not change its meaning: case outside quotes, white space, a final semicolon. */
export function normaliseSql(sql: string): string {
  const parts =
    sql.match(/'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|[^'"`[]+|['"`[]/g) ?? [];
  return parts
    .map((part) => (/^['"`[]./.test(part) ? part : part.toLowerCase().replace(/\s+/g, ' ')))
    .join('')
    .replace(/^[\s]+|[\s;]+$/g, '');
}

/** Equal for calls that ask the same; undefined where there is no call. */
function callKey({ call, sql }: Step): string | undefined {
  if (call) {
    if (call.tool === '') return undefined;
    return JSON.stringify([call.tool, ...call.args.map(normaliseSql)]);
  }
  return sql === undefined || sql.trim() === '' ? undefined : normaliseSql(sql);
}

/** Equal for equal sets of rows, as far as the preview shows them; undefined without rows. */
function resultKey({ outcome }: Step): string | undefined {
  if (outcome?.kind !== 'rows' || outcome.rowCount === 0) return undefined;
  const keys = [...new Set(outcome.rows.map(rowKey))].sort();
  // Beyond the preview, its rows and the number of all stand for the rest.
  const size = outcome.rowCount > outcome.rows.length ? outcome.rowCount : 0;
  return `${size} ${keys.join(';')}`;
}

/** One event a step. */
export function eventsOf(steps: readonly Step[]): StepEvent[] {
  const calls = new Set<string>();
  const results = new Set<string>();
  return steps.map((step) => {
    if (step.kind === 'answer') return 'answer';
    const call = callKey(step);
    if (call === undefined) return 'malformed';
    if (calls.has(call)) return 'repeated';
    calls.add(call);
    const { outcome } = step;
    // A tool that needs no query and brings no outcome has done what it was asked.
    if (!outcome) return 'novel';
    if (outcome.kind !== 'rows') return 'failed';
    const result = resultKey(step);
    if (result === undefined) return 'empty';
    if (results.has(result)) return 'repeated';
    results.add(result);
    return 'novel';
  });
}
