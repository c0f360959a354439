/** The direct protocol: the policy reads schema and question and writes SQL in one go. */
import type { Task } from '../data/task.ts';
import type { Completion } from '../model/sample.ts';
import type { QueryResult } from '../sql/outcome.ts';
import { extractSql } from '../text/prompt.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import type { Episode, Step } from './episode.ts';

type Written = Pick<Completion, 'tokens' | 'terminated'>;

function directText({ tokens, terminated }: Written, tokenizer: Tokenizer): string {
  const written = terminated ? tokens.subarray(0, -1) : tokens;
  // An embedding may have more rows than the tokenizer has tokens: those write nothing, as in transformers.
  return tokenizer.decode(written.filter((id) => id < tokenizer.vocabSize));
}

/** The SQL that a completion asks to be run. */
export const directSql = (written: Written, tokenizer: Tokenizer): string =>
  extractSql(directText(written, tokenizer));

/** @param result of running `directSql` */
export function directEpisode(
  task: Task,
  completion: Completion,
  result: QueryResult,
  tokenizer: Tokenizer,
): Episode {
  const { tokens, logProbs, entropies, terminated } = completion;
  const { outcome, comparison, elapsedMs } = result;
  const text = directText(completion, tokenizer);
  const step: Step = {
    ...{ kind: 'answer', start: 0, end: tokens.length, text },
    ...{ sql: extractSql(text), outcome, elapsedMs },
  };
  if (comparison) step.comparison = comparison;
  const mask = new Uint8Array(tokens.length).fill(1);
  return { task, tokens, mask, logProbs, entropies, terminated, text, steps: [step] };
}
