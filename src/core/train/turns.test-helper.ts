/** The world of tiny-run.test-helper.ts in several turns: queries whose fate is shown, then the answer. */
import { direct } from '../episode/direct.ts';
import type { Protocol } from '../episode/protocol.ts';
import { loadPolicy } from '../model/checkpoint.ts';
import type { Policy } from '../model/policy.ts';
import { Stream } from '../random/stream.ts';
import { loadSql } from '../sql/load.ts';
import { localSqlService } from '../sql/service.ts';
import { localCompute, type Compute } from './compute.ts';
import { DatabaseHashes, Prompts } from './context.ts';
import type { EpisodeContext } from './episodes.ts';
import type { Corpus } from './sft.ts';
import {
  complete,
  data,
  freshPolicy,
  grpoRecipe,
  sftRecipe,
  tokenizer,
} from './tiny-run.test-helper.ts';

const sql = localSqlService(await loadSql());

export const tasks = data.splits.get('train')!;

const FAILING = 'SELECT price FROM total';
const queries = [...tasks.map(({ gold }) => gold![0]!), FAILING];

/** Queries that are shown as a word, then the answer. */
export const turnsOf = (maxTurns: number): Protocol => ({
  maxTurns,
  prompt: direct.prompt,
  read: (text, { steps }) => ({
    kind: steps.length < maxTurns - 1 ? 'call' : 'answer',
    sql: text,
  }),
  observe: ({ steps }) => (steps.at(-1)!.outcome?.kind === 'rows' ? ' how many' : ' total'),
});

/**
 * First any of the four queries; then, after the right one, mostly the same again, else any: what a first turn
 * is worth shows in it.
 */
const twoTurns: Corpus = (update, index) => {
  const stream = new Stream(0, 'two turns', update, index);
  const task = tasks[index % tasks.length]!;
  const gold = task.gold![0]!;
  const first = stream.pick(queries);
  const observation = first === FAILING ? ' total' : ' how many';
  const second = first === gold && stream.chance(0.9) ? gold : stream.pick(queries);
  const { schema } = data.databases.get(task.db_id)!;
  return {
    prompt: direct.prompt(task, schema, { style: 'compact' }),
    turns: [{ text: first, observation }, { text: second }],
  };
};

/** A maker of equal copies of a policy that goes through two turns. */
export async function twoTurnPolicy(updates = 250): Promise<() => Policy> {
  const recipe = sftRecipe({
    num_updates: updates,
    batch_size: 12,
    per_device_train_batch_size: 12,
  });
  const { files } = await complete(recipe, freshPolicy(), { corpus: twoTurns });
  return () => loadPolicy(files);
}

export function turnsContext(
  policy: Policy,
  maxTurns: number,
): EpisodeContext & { policy: Policy; compute: Compute } {
  const prompts = new Prompts(tokenizer, data.databases, grpoRecipe());
  Object.assign(prompts, { protocol: turnsOf(maxTurns) });
  return {
    ...{ policy, tokenizer, prompts, sql, compute: localCompute(policy) },
    databases: new DatabaseHashes(sql, data.databases),
  };
}
