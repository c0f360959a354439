/** The direct protocol: the policy reads schema and question and writes SQL in one go. */
import type { Task } from '../data/task.ts';
import type { Completion } from '../model/sample.ts';
import type { QueryResult } from '../sql/outcome.ts';
import { extractSql } from '../text/prompt.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import type { Episode, Step } from './episode.ts';

/** An episode whose SQL still has to run: execute `sql`, then `finish` with the result. */
export interface PendingEpisode {
  sql: string;
  finish(result: QueryResult): Episode;
}

export function directEpisode(
  task: Task,
  completion: Completion,
  tokenizer: Tokenizer,
): PendingEpisode {
  const { tokens, logProbs, entropies, terminated } = completion;
  const written = terminated ? tokens.subarray(0, -1) : tokens;
  // An embedding may have more rows than the tokenizer has tokens: those write nothing, as in transformers.
  const text = tokenizer.decode(written.filter((id) => id < tokenizer.vocabSize));
  const sql = extractSql(text);
  return {
    sql,
    finish(result) {
      const { outcome, comparison, elapsedMs } = result;
      const step: Step = {
        kind: 'answer',
        start: 0,
        end: tokens.length,
        text,
        sql,
        outcome,
        elapsedMs,
      };
      if (comparison) step.comparison = comparison;
      const mask = new Uint8Array(tokens.length).fill(1);
      return { task, tokens, mask, logProbs, entropies, terminated, text, steps: [step] };
    },
  };
}
