/** Questions → sampled completions → executed and rewarded episodes: the first arrows of the loop. */
import type { Task } from '../data/task.ts';
import type { Episode } from '../episode/episode.ts';
import { Stream } from '../random/stream.ts';
import { findReward } from '../reward/index.ts';
import type { RewardBreakdown } from '../reward/reward.ts';
import type { RewardChoice } from '../reward/service.ts';
import type { RunContext } from './context.ts';
import { sampleEpisodes } from './episodes.ts';

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
  /** What credit made of the rewards: for each episode, one number a step. */
  advantages?: number[][];
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

/**
 * Samples, executes, annotates and rewards a group of each task; the rewards are one batch.
 *
 * @param first number of the first task among all of the update: random numbers depend on it
 */
export async function sampleGroups(
  context: RunContext,
  options: RolloutOptions,
  reward: RewardChoice,
  update: number,
  tasks: readonly Task[],
  first = 0,
): Promise<Group[]> {
  const { recipe, tokenizer, prompts } = context;
  const { num_generations, max_completion_length, temperature, top_p } = options;
  const numbers = tasks.map((_, i) => first + i);
  const episodes = await sampleEpisodes(context, tasks, findReward(reward.name), {
    ...{ num_generations, max_completion_length, temperature, top_p },
    eos_token_id: tokenizer.eosId!,
    draws: { seed: recipe.seed, purpose: 'sample', update, prompts: numbers },
  });
  const written = tasks.map((task, i) => ({
    ...{ task, prompt: prompts.of(task), episodes: episodes[i]! },
  }));
  for (const annotator of context.annotators) await annotator.annotate(written, update);
  const breakdowns = await context.rewards.score(reward, episodes.flat());
  let next = 0;
  return written.map((group) => ({
    ...group,
    rewards: group.episodes.map(() => breakdowns[next++]!),
  }));
}

/** The groups of one update. */
export async function rollout(
  context: RunContext,
  options: RolloutOptions,
  reward: RewardChoice,
  update: number,
): Promise<Group[]> {
  const { prompts_per_update } = options;
  const chosen = tasksOfUpdate(context.tasks, prompts_per_update, context.recipe.seed, update);
  const groups = await sampleGroups(context, options, reward, update, chosen);
  for (const annotator of context.annotators) await annotator.learn?.(groups);
  return groups;
}
