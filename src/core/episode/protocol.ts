/** How an episode goes: what the policy reads first, what its turns mean, what it is shown after each. */
import type { Schema, Task } from '../data/task.ts';
import type { PromptOptions, SampleRows } from '../text/prompt.ts';
import type { Step } from './episode.ts';

/** An episode as far as it is written. */
export interface Situation {
  task: Task;
  schema: Schema;
  steps: readonly Step[];
}

/**
 * What a turn is. SQL named here is run for the step, and compared with the gold when the step answers; a step
 * that needs no SQL may bring its outcome along.
 */
export type Turn = Pick<Step, 'kind' | 'thought' | 'call' | 'sql' | 'outcome'> & {
  /** Characters of the turn's text that are the thought, its tags included. */
  thoughtLength?: number;
};

/**
 * A protocol is pure text work, the same in a tab and in Node. Turns end with the end-of-sequence token, which
 * is no part of their text. An episode ends with the step of kind `answer`, or when its turns or tokens are
 * used up; its last turn then is a step of another kind.
 */
export interface Protocol {
  /** Turns an episode has at most, the answer included. */
  readonly maxTurns: number;
  /** What the policy reads before its first turn. */
  prompt(task: Task, schema: Schema, options: PromptOptions, samples?: SampleRows): string;
  /** Reads what the policy wrote after `before.steps`. Never throws: what makes no sense is a malformed step. */
  read(text: string, before: Situation): Turn;
  /**
   * What the policy is shown after a step that did not answer; its outcome is in place. The text is encoded on
   * its own and follows the turn's end-of-sequence token.
   *
   * @param turnsLeft turns the policy still has, at least 1
   */
  observe(after: Situation, turnsLeft: number): string;
}
