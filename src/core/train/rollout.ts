/** Questions → sampled completions → executed and rewarded episodes: the first arrows of the loop. */
import type { Task } from '../data/task.ts';
import type { Episode } from '../episode/episode.ts';
import { directEpisode, directSql } from '../episode/direct.ts';
import { Stream } from '../random/stream.ts';
import { findReward, supervise, type RewardMethod } from '../reward/index.ts';
import type { RewardBreakdown } from '../reward/reward.ts';
import type { RewardChoice } from '../reward/service.ts';
import type { QueryRequest, QueryResult } from '../sql/outcome.ts';
import type { SampleRequest } from './compute.ts';
import type { RunContext } from './context.ts';

export interface RolloutOptions {
  num_generations: number;
  prompts_per_update: number;
  max_completion_length: number;
  temperature: number;
  top_p: number;
}

/** All episodes of one question. */
export interface Group {
  task: Task;
  prompt: Int32Array;
  episodes: Episode[];
  rewards: RewardBreakdown[];
}

/**
 * The tasks of an update (counted from 1): each epoch is a fresh permutation, read on from where the
 * last update stopped, so that every question comes once before any comes twice.
 */
export function tasksOfUpdate(
  tasks: readonly Task[],
  count: number,
  seed: number,
  update: number,
): Task[] {
  const orders = new Map<number, Task[]>();
  return Array.from({ length: count }, (_, i) => {
    const position = (update - 1) * count + i;
    const epoch = Math.floor(position / tasks.length);
    let order = orders.get(epoch);
    if (!order) orders.set(epoch, (order = new Stream(seed, 'tasks', epoch).shuffle(tasks)));
    return order[position % tasks.length]!;
  });
}

/** Samples, executes and rewards the groups of one update; the rewards are one batch. */
export async function rollout(
  context: RunContext,
  options: RolloutOptions,
  reward: RewardChoice,
  update: number,
): Promise<Group[]> {
  const { recipe, tokenizer, prompts } = context;
  const chosen = tasksOfUpdate(context.tasks, options.prompts_per_update, recipe.seed, update);
  const { num_generations, max_completion_length, temperature, top_p } = options;
  const episodes = await sampleEpisodes(context, chosen, findReward(reward.name), {
    ...{ num_generations, max_completion_length, temperature, top_p },
    eos_token_id: tokenizer.eosId!,
    draws: { seed: recipe.seed, purpose: 'sample', update, prompts: [...chosen.keys()] },
  });
  const breakdowns = await context.rewards.score(reward, episodes.flat());
  let next = 0;
  return chosen.map((task, i) => ({
    task,
    prompt: prompts.of(task),
    episodes: episodes[i]!,
    rewards: episodes[i]!.map(() => breakdowns[next++]!),
  }));
}

type EpisodeContext = Pick<RunContext, 'tokenizer' | 'prompts' | 'databases' | 'sql' | 'compute'>;

/** Samples each task and makes episodes: what a group has written runs while others are still writing. */
export async function sampleEpisodes(
  context: EpisodeContext,
  tasks: readonly Task[],
  method: Pick<RewardMethod, 'supervision'>,
  request: SampleRequest,
  withVariants = false,
): Promise<Episode[][]> {
  const { tokenizer, prompts, compute } = context;
  const running: Promise<QueryResult[]>[] = [];
  const completions = await compute.sample(
    tasks.map((task) => prompts.of(task)),
    request,
    (i, written) => {
      const sql = written.map((one) => directSql(one, tokenizer));
      running[i] = execute(context, tasks[i]!, sql, method, withVariants);
      running[i].catch(() => undefined); // awaited below, unless sampling fails first
    },
  );
  const results = await Promise.all(running);
  return tasks.map((task, i) =>
    completions[i]!.map((completion, s) =>
      directEpisode(task, completion, results[i]![s]!, tokenizer),
    ),
  );
}

/** Runs queries written for a task, and judges their results. */
export async function execute(
  { databases, sql }: Pick<RunContext, 'databases' | 'sql'>,
  task: Task,
  queries: readonly string[],
  method: Pick<RewardMethod, 'supervision'>,
  withVariants = false,
): Promise<QueryResult[]> {
  const database = await databases.of(task.db_id);
  const variants = withVariants ? await databases.variants(task.db_id) : [];
  const supervision = supervise(method, task);
  return sql.execute(
    queries.map((text): QueryRequest => ({
      ...{ database, sql: text, ...supervision },
      ...(variants.length > 0 && { variants }),
    })),
  );
}
