/** One question to a policy about one database: what `ask` does, on the command line and in the page. */
import type { Database, Task } from '../data/task.ts';
import { answerStep, type Episode } from '../episode/episode.ts';
import { badInput } from '../errors.ts';
import { ballot, type Candidate } from '../evaluate/ballot.ts';
import type { Recipe } from '../recipe/schema.ts';
import type { Outcome, SqlService } from '../sql/outcome.ts';
import { maxCompletionLength } from './batches.ts';
import { localCompute } from './compute.ts';
import { DatabaseHashes, Prompts } from './context.ts';
import { sampleEpisodes } from './episodes.ts';
import type { LoadedPolicy } from './starting-policy.ts';

export interface AskOptions {
  /** 1 decodes greedily; more are drawn at `temperature`. */
  samples: number;
  temperature: number;
  seed: number;
}

const UNANSWERED: Outcome = { kind: 'refused', reason: 'the policy did not come to an answer' };

function answerOf(episode: Episode): { sql: string; outcome: Outcome } {
  const { sql = '', outcome = UNANSWERED } = answerStep(episode) ?? {};
  return { sql, outcome };
}

/**
 * The different queries the policy answers with, executed, best first (`ballot`). Throws `bad_input` when the
 * schema and the question are longer than the policy can read.
 *
 * @param recipe what the policy learnt by: its protocol and lengths
 */
export async function ask(
  { policy, tokenizer, recipe }: LoadedPolicy & { recipe: Recipe },
  sql: SqlService,
  database: Database,
  question: string,
  { samples, temperature, seed }: AskOptions,
): Promise<Candidate[]> {
  if (question.trim() === '') throw badInput('question', question, 'a question');
  const { db_id } = database;
  const task: Task = { id: 'asked', db_id, question, split: '' };
  const databases = new Map([[db_id, database]]);
  const prompts = new Prompts(tokenizer, databases, recipe);
  const max_completion_length = maxCompletionLength(recipe);
  const { length } = prompts.of(task);
  const room = policy.config.max_position_embeddings - max_completion_length;
  if (length > room) {
    const got = `${length} tokens of schema and question`;
    throw badInput('database', got, `at most ${room}, which is what this policy can read`);
  }
  const context = {
    ...{ tokenizer, prompts, sql, compute: localCompute(policy) },
    databases: new DatabaseHashes(sql, databases),
  };
  const [episodes] = await sampleEpisodes(context, [task], null, {
    ...{ max_completion_length, num_generations: samples, top_p: 1 },
    temperature: samples === 1 ? 0 : temperature,
    eos_token_id: tokenizer.eosId!,
    draws: samples === 1 ? null : { seed, purpose: 'ask', update: 0, prompts: [0] },
  });
  return ballot(episodes!.map(answerOf));
}
