/**
 * The think protocol (FINER-SQL, 2605.03465, released code): one turn, `<think> … </think>`, then the SQL and
 * nothing else. SQL is what follows the last `</think>`; without one there is none.
 */
import { extractSql, promptEndingIn } from '../text/prompt.ts';
import type { Protocol, Turn } from './protocol.ts';

export const THINK_OPEN = '<think>';
export const THINK_CLOSE = '</think>';

/** A thought and its SQL as the warm start writes them, and as a policy should. */
export const thinkText = (thought: string, sql: string): string =>
  `${THINK_OPEN} ${thought} ${THINK_CLOSE}\n${sql}`;

/**
 * Reads any text. The thought goes from the first `<think>`, or the beginning (chat templates may open it in the
 * prompt), to the last `</think>`; one that is never closed is all there is, and leaves no SQL.
 */
function readThink(text: string): Turn {
  const open = text.indexOf(THINK_OPEN);
  const close = text.lastIndexOf(THINK_CLOSE);
  const start = open < 0 || (close >= 0 && open > close) ? 0 : open + THINK_OPEN.length;
  if (close >= 0) {
    const thoughtLength = close + THINK_CLOSE.length;
    const thought = text.slice(start, close).trim();
    return { kind: 'answer', thought, thoughtLength, sql: extractSql(text.slice(thoughtLength)) };
  }
  if (open < 0) return { kind: 'answer', thought: '', thoughtLength: 0, sql: '' };
  return { kind: 'answer', thought: text.slice(start).trim(), thoughtLength: text.length, sql: '' };
}

export const thinkProtocol: Protocol = {
  maxTurns: 1,
  prompt: (task, schema, options, samples) =>
    promptEndingIn('Think, then SQL:', schema, task, options, samples),
  read: readThink,
  observe: () => '',
};
