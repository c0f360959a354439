/** The direct protocol: the policy reads schema and question and writes SQL in one go. */
import { directPrompt, extractSql } from '../text/prompt.ts';
import type { Protocol } from './protocol.ts';

export const direct: Protocol = {
  maxTurns: 1,
  prompt: (task, schema, options, samples) => directPrompt(schema, task, options, samples),
  read: (text) => ({ kind: 'answer', sql: extractSql(text) }),
  observe: () => '',
};
