/** One question to a policy about one database: what `ask` does, on the command line and in the page. */
import type { Schema } from '../data/task.ts';
import { badInput } from '../errors.ts';
import { ballot, type Candidate } from '../evaluate/ballot.ts';
import type { Policy } from '../model/policy.ts';
import { sample } from '../model/sample.ts';
import { tokenUniform } from '../random/stream.ts';
import type { SqlService } from '../sql/outcome.ts';
import { directPrompt, extractSql } from '../text/prompt.ts';
import type { Tokenizer } from '../text/tokenizer.ts';

export interface AskOptions {
  /** 1 decodes greedily; more are drawn at `temperature`. */
  samples: number;
  temperature: number;
  max_completion_length: number;
  seed: number;
}

export interface AskedDatabase {
  schema: Schema;
  /** Content hash, as given to `sql.addDatabase`. */
  hash: string;
}

/**
 * The different queries the policy writes, executed, best first (`ballot`). Throws `bad_input` when the
 * schema and the question are longer than the policy can read.
 */
export async function ask(
  { policy, tokenizer, sql }: { policy: Policy; tokenizer: Tokenizer; sql: SqlService },
  { schema, hash }: AskedDatabase,
  question: string,
  options: AskOptions,
): Promise<Candidate[]> {
  const { samples, seed, max_completion_length } = options;
  if (question.trim() === '') throw badInput('question', question, 'a question');
  const prompt = tokenizer.encode(directPrompt(schema, { question }, { style: 'compact' }));
  const room = policy.config.max_position_embeddings - max_completion_length;
  if (prompt.length > room) {
    const got = `${prompt.length} tokens of schema and question`;
    throw badInput('database', got, `at most ${room}, which is what this policy can read`);
  }
  const [completions] = await sample(policy, [prompt], {
    max_completion_length,
    num_generations: samples,
    temperature: samples === 1 ? 0 : options.temperature,
    top_p: 1,
    eos_token_id: tokenizer.eosId!,
    uniform: (_, index, position) => tokenUniform(seed, 'ask', 0, 0, index, position),
  });
  const written = completions!.map(({ tokens, terminated }) =>
    extractSql(tokenizer.decode(terminated ? tokens.subarray(0, -1) : tokens)),
  );
  const results = await sql.execute(written.map((text) => ({ database: hash, sql: text })));
  return ballot(written.map((text, i) => ({ sql: text, outcome: results[i]!.outcome })));
}
