/**
 * Chain-of-CTEs (Reward-SQL, 2505.04671), interleaved as in its third version: each turn is a short rationale
 * and one CTE, which is run as the prefix it ends, and its result is shown before the next turn; the last turn
 * is the final SELECT over the CTEs.
 *
 *     the songs after 1990
 *     a AS (SELECT * FROM song WHERE year > 1990)
 *
 * The text form, with the names `a`, `b`, … in training data, is this project's choice: few tokens.
 */
import type { Cell } from '../data/task.ts';
import { PREFIX_LIMIT, prefixSql, readCteStep, type Cte } from '../sql/cte.ts';
import type { Outcome } from '../sql/outcome.ts';
import { sqlLiteral } from '../text/identifier.ts';
import type { TurnOptions } from './index.ts';
import { promptEndingIn } from '../text/prompt.ts';
import type { Step } from './episode.ts';
import type { Protocol, Turn } from './protocol.ts';

/** Longer values are cut: they are examples of what a column holds. */
const MAX_VALUE_CHARS = 40;

/**
 * The CTEs that later turns may build on: those of the steps whose prefix ran. One that failed is gone, so
 * that its name is free for another attempt.
 */
export const standingCtes = (steps: readonly Pick<Step, 'kind' | 'text' | 'outcome'>[]): Cte[] =>
  steps
    .filter(({ kind, outcome }) => kind === 'cte' && outcome?.kind === 'rows')
    .flatMap(({ text }) => readCteStep(text).ctes);

/** @param before earlier steps, their outcomes in place */
export function readCocteTurn(
  text: string,
  before: readonly Pick<Step, 'kind' | 'text' | 'outcome'>[],
): Turn {
  const { thought, thoughtLength, ctes, final } = readCteStep(text);
  if (ctes.length === 0 && final === '') return { kind: 'think', thought, thoughtLength };
  const sql = prefixSql([...standingCtes(before), ...ctes], final);
  return { kind: final === '' ? 'cte' : 'answer', thought, thoughtLength, sql };
}

/**
 * The steps of a chain that nobody has run yet. Of CTEs with one name the last counts: those before it are taken
 * for failed attempts.
 */
export function readCocteChain(texts: readonly string[]): Turn[] {
  const standing = new Map<string, Cte>();
  return texts.map((text) => {
    const { thought, thoughtLength, ctes, final } = readCteStep(text);
    for (const cte of ctes) {
      standing.delete(cte.name.toLowerCase());
      standing.set(cte.name.toLowerCase(), cte);
    }
    if (ctes.length === 0 && final === '') return { kind: 'think', thought, thoughtLength };
    const sql = prefixSql([...standing.values()], final);
    return { kind: final === '' ? 'cte' : 'answer', thought, thoughtLength, sql };
  });
}

/** Averages have 17 digits, of which six say enough. */
const shownCell = (cell: Cell): string =>
  sqlLiteral(
    typeof cell === 'number' && !Number.isInteger(cell) ? Number(cell.toPrecision(6)) : cell,
    MAX_VALUE_CHARS,
  ).replace(/\s+/g, ' ');

function rowsText(outcome: Outcome & { kind: 'rows' }, shown: number): string {
  const { columns, rows, rowCount, truncated } = outcome;
  const lines = [
    columns.map((name) => ` ${name.replace(/\s+/g, ' ')}`).join(''),
    ...rows.slice(0, shown).map((row) => row.map(shownCell).join(', ')),
  ];
  if (rowCount > Math.min(shown, rows.length) || rowCount === 0) {
    lines.push(`${rowCount}${truncated || rowCount >= PREFIX_LIMIT ? '+' : ''} rows`);
  }
  return lines.join('\n');
}

/** What came of a step, as the policy and the process reward model read it. The paper's code cuts at 500. */
export function resultText(outcome: Outcome | undefined, rows = 3, maxChars = 160): string {
  const text =
    outcome === undefined
      ? 'error: neither a CTE nor a SELECT'
      : outcome.kind === 'rows'
        ? rowsText(outcome, rows)
        : outcome.kind === 'error'
          ? `error: ${outcome.message}`
          : outcome.kind === 'timeout'
            ? 'error: took too long'
            : `error: ${outcome.reason}`;
  return `<result>${text.slice(0, maxChars)}</result>`;
}

export function cocteProtocol(options: TurnOptions): Protocol {
  const { max_turns, observation_rows, observation_chars, blank_observations } = options;
  return {
    maxTurns: max_turns,
    prompt: (task, schema, style, samples) =>
      promptEndingIn('Steps:', schema, task, style, samples),
    read: (text, { steps }) => readCocteTurn(text, steps),
    observe({ steps }, turnsLeft) {
      const result = blank_observations
        ? '<result></result>'
        : resultText(steps.at(-1)?.outcome, observation_rows, observation_chars);
      return turnsLeft === 1 ? `${result}\nFinal SELECT:\n` : `${result}\n`;
    },
  };
}
