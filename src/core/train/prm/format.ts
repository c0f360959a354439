/**
 * What a process reward model reads: prompt and steps as the policy saw and wrote them, each step followed by
 * its execution result and a step tag (Reward-SQL's `" и "`, papers.md §4.1). What the tag says is read from
 * the model's weights for "+" against "−".
 */
import { badInput } from '../../errors.ts';
import type { Episode } from '../../episode/episode.ts';
import type { Outcome } from '../../sql/outcome.ts';
import type { Tokenizer } from '../../text/tokenizer.ts';
import type { Choices } from './loss.ts';

/** Token ids that the model speaks with. */
export interface JudgeTokens {
  /** Stands after each step. */
  tag: number;
  choices: Choices;
}

/** A control character (ACK): one byte, so one token of every byte-level BPE, and in no text. */
const TAG = '\u0006';

/** @throws StepSqlError when the tokenizer has no single tokens for tag, "+" and "−" */
export function judgeTokens(tokenizer: Tokenizer): JudgeTokens {
  const one = (text: string): number => {
    const ids = tokenizer.encode(text);
    if (ids.length !== 1) throw badInput('tokenizer', text, 'a text that is one token');
    return ids[0]!;
  };
  return { tag: one(TAG), choices: [one('+'), one('-')] };
}

/** Cells, and characters of a cell, of an answer's result that are shown. */
const MAX_ROWS = 3;
const MAX_CELL = 20;

/**
 * What the model is shown of the last step's execution, which the policy never sees: number of rows, column
 * names and first rows, or that there are none.
 */
export function resultText(outcome: Outcome | undefined): string {
  switch (outcome?.kind) {
    case undefined:
      return '\nno result';
    case 'rows': {
      const cell = (value: unknown): string => {
        const text = value instanceof Uint8Array ? 'blob' : String(value ?? 'NULL');
        return text.length > MAX_CELL ? `${text.slice(0, MAX_CELL)}…` : text;
      };
      const rows = outcome.rows.slice(0, MAX_ROWS).map((row) => row.map(cell).join(', '));
      return ['', `${outcome.rowCount} rows: ${outcome.columns.length} columns`, ...rows].join(
        '\n',
      );
    }
    case 'error':
      return '\nerror';
    case 'timeout':
      return '\ntimeout';
    case 'refused':
      return '\nrefused';
  }
}

/** Where the tokens of step `i` end, its observation included, in `Episode.tokens`. */
export const stepEnd = ({ steps, tokens }: Beginning, i: number): number =>
  steps[i + 1]?.start ?? tokens.length;

/** A text with tags, to be packed behind its prompt. */
export interface Tagged {
  tokens: Int32Array;
  /** Positions of the tags in `tokens`, one per step. */
  tags: number[];
}

/** An episode, or the beginning of one: tokens up to the end of its last step, observation included. */
export type Beginning = Pick<Episode, 'steps' | 'tokens'>;

/** The first `count` steps. */
export const beginningOf = (episode: Beginning, count: number): Beginning => ({
  steps: episode.steps.slice(0, count),
  tokens: count === 0 ? new Int32Array(0) : episode.tokens.slice(0, stepEnd(episode, count - 1)),
});

/** The text with a tag after every step; the execution result of a last step is put in. */
export function tagEpisode(episode: Beginning, tokenizer: Tokenizer, tag: number): Tagged {
  const tokens: number[] = [];
  const tags: number[] = [];
  episode.steps.forEach((step, i) => {
    tokens.push(...episode.tokens.subarray(step.start, stepEnd(episode, i)));
    if (step.observation === undefined) tokens.push(...tokenizer.encode(resultText(step.outcome)));
    tags.push(tokens.length);
    tokens.push(tag);
  });
  return { tokens: Int32Array.from(tokens), tags };
}
