/** Questions → sampled completions → executed and rewarded episodes: the first arrows of the loop. */
import type { Task } from '../data/task.ts';
import type { Episode } from '../episode/episode.ts';
import { directEpisode } from '../episode/direct.ts';
import { sample, type Completion } from '../model/sample.ts';
import { Stream, tokenUniform } from '../random/stream.ts';
import { findReward, supervise, type RewardMethod } from '../reward/index.ts';
import type { RewardBreakdown } from '../reward/reward.ts';
import type { RewardChoice } from '../reward/service.ts';
import type { QueryRequest } from '../sql/outcome.ts';
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
  const { recipe, policy, tokenizer, prompts } = context;
  const chosen = tasksOfUpdate(context.tasks, options.prompts_per_update, recipe.seed, update);
  const tokens = chosen.map((task) => prompts.of(task));
  const completions = await sample(policy, tokens, {
    ...options,
    eos_token_id: tokenizer.eosId!,
    uniform: (group, index, position) =>
      tokenUniform(recipe.seed, 'sample', update, group, index, position),
  });
  const episodes = await episodesOf(context, chosen, completions, findReward(reward.name));
  const breakdowns = await context.rewards.score(reward, episodes.flat());
  let next = 0;
  return chosen.map((task, i) => ({
    task,
    prompt: tokens[i]!,
    episodes: episodes[i]!,
    rewards: episodes[i]!.map(() => breakdowns[next++]!),
  }));
}

/** Executes the completions of each task, in one batch, and makes them episodes. */
export async function episodesOf(
  context: Pick<RunContext, 'tokenizer' | 'databases' | 'sql'>,
  tasks: readonly Task[],
  completions: readonly Completion[][],
  method: Pick<RewardMethod, 'supervision'>,
  withVariants = false,
): Promise<Episode[][]> {
  const { tokenizer, databases, sql } = context;
  const drafts = tasks.map((task, i) =>
    completions[i]!.map((completion) => directEpisode(task, completion, tokenizer)),
  );
  const requests: QueryRequest[] = [];
  for (const [i, task] of tasks.entries()) {
    const database = await databases.of(task.db_id);
    const variants = withVariants ? await databases.variants(task.db_id) : [];
    for (const { sql } of drafts[i]!) {
      const request: QueryRequest = { database, sql, ...supervise(method, task) };
      requests.push(variants.length > 0 ? { ...request, variants } : request);
    }
  }
  const results = await sql.execute(requests);
  let next = 0;
  return drafts.map((group) => group.map(({ finish }) => finish(results[next++]!)));
}
