/** How good a policy is on a split: greedy, and by samples. */
import type { Task } from '../data/task.ts';
import { answerStep, type Episode } from '../episode/episode.ts';
import {
  accuracy,
  accuracyByDifficulty,
  groupShares,
  majorityAtK,
  meanPassAtK,
  type Accuracy,
  type Judged,
} from '../evaluate/metrics.ts';
import { resultKey } from '../evaluate/result-key.ts';
import { valueAwareAtK } from '../evaluate/value-aware-vote.ts';
import { toolMetrics, type ToolMetrics } from '../evaluate/tools.ts';
import type { Draws, SampleRequest } from './compute.ts';
import type { Policy } from '../model/policy.ts';
import type { Prompts, RunContext } from './context.ts';
import { emptyEpisode, sampleEpisodes } from './episodes.ts';

export type EvaluationContext = Pick<
  RunContext,
  'policy' | 'compute' | 'tokenizer' | 'prompts' | 'databases' | 'sql'
>;

export interface EvaluationOptions {
  max_completion_length: number;
  /** Prompts decoded together: memory, not results, depends on it. */
  batch_size: number;
  /** Also run the test-suite variants. */
  test_suite: boolean;
}

/** Gold is the judge where there is one, whatever the reward learns from. */
const JUDGE = { supervision: ['gold', 'answer'] as const };

const judged = (episode: Episode): Judged => {
  const { outcome, comparison } = answerStep(episode) ?? {};
  return { outcome, comparison, difficulty: episode.task.difficulty };
};

/** Whether prompt and completion fit the positions the policy knows. */
export const fits = (
  { policy, prompts }: { policy: Pick<Policy, 'config'>; prompts: Pick<Prompts, 'of'> },
  task: Task,
  { max_completion_length }: Pick<EvaluationOptions, 'max_completion_length'>,
): boolean =>
  prompts.of(task).length + max_completion_length <= policy.config.max_position_embeddings;

/**
 * Prompts in batches, one pass over all tasks; `onBatch` after each.
 *
 * @param drawsOf random numbers for tasks, given by their positions among all
 */
async function episodesInBatches(
  context: EvaluationContext,
  tasks: readonly Task[],
  options: EvaluationOptions,
  { temperature, num_generations }: Pick<SampleRequest, 'temperature' | 'num_generations'>,
  drawsOf: (positions: number[]) => Draws | null,
  onBatch: (done: number) => void,
): Promise<Episode[][]> {
  const { max_completion_length, batch_size, test_suite } = options;
  const all: Episode[][] = [];
  for (let first = 0; first < tasks.length; first += batch_size) {
    const batch = tasks.slice(first, first + batch_size);
    const chosen = batch.flatMap((task, i) => (fits(context, task, options) ? [i] : []));
    const request: SampleRequest = {
      ...{ num_generations, max_completion_length, temperature, top_p: 1 },
      eos_token_id: context.tokenizer.eosId!,
      draws: drawsOf(chosen.map((i) => first + i)),
    };
    const readable = chosen.map((i) => batch[i]!);
    const written = await sampleEpisodes(context, readable, JUDGE, request, test_suite);
    for (const [i, task] of batch.entries()) {
      const found = written[chosen.indexOf(i)];
      const empty = async (): Promise<Episode[]> =>
        Array<Episode>(num_generations).fill(await emptyEpisode(context, task, JUDGE));
      all.push(found ?? (await empty()));
    }
    onBatch(first + batch.length);
  }
  return all;
}

export interface GreedyResult {
  all: Accuracy;
  by_difficulty: Record<string, Accuracy>;
  /** Where episodes call tools. */
  tools?: ToolMetrics;
  episodes: Episode[];
}

/** Greedy decoding: the number that is reported as EX (BIRD's comparison). */
export async function evaluateGreedy(
  context: EvaluationContext,
  tasks: readonly Task[],
  options: EvaluationOptions,
  onBatch: (done: number) => void = () => undefined,
): Promise<GreedyResult> {
  const greedy = { temperature: 0, num_generations: 1 };
  const groups = await episodesInBatches(context, tasks, options, greedy, () => null, onBatch);
  const episodes = groups.flat();
  const verdicts: Judged[] = [];
  for (const episode of episodes) {
    const suite = options.test_suite
      ? (await context.databases.variants(episode.task.db_id)).length > 0
      : false;
    verdicts.push({ ...judged(episode), suite });
  }
  const tools = toolMetrics(episodes);
  return {
    ...{ all: accuracy(verdicts), by_difficulty: accuracyByDifficulty(verdicts), episodes },
    ...(tools && { tools }),
  };
}

export interface SampledScores {
  count: number;
  pass_at_1: number;
  pass_at_k: number;
  /** maj@k, by execution consistency. */
  majority_at_k: number;
  /** The same by FINER-SQL's value-aware vote. */
  value_aware_at_k: number;
  /** Shares of questions all of whose samples are wrong, or right. */
  all_wrong: number;
  all_right: number;
  /** Share of samples that do not execute. */
  error_rate: number;
}

export interface SampledResult extends SampledScores {
  by_difficulty: Record<string, SampledScores>;
  /** The samples of each question. */
  groups: Episode[][];
}

function sampledScores(groups: readonly Episode[][], k: number): SampledScores {
  const verdicts = groups.map((group) => group.map(judged));
  const right = verdicts.map((group) => group.map(({ comparison }) => comparison?.bird === true));
  const votes = verdicts.map((group, g) =>
    group.map(({ outcome }, i) => ({ outcome, key: resultKey(outcome), match: right[g]![i]! })),
  );
  return {
    count: groups.length,
    pass_at_1: meanPassAtK(right, 1),
    pass_at_k: meanPassAtK(right, k),
    majority_at_k: majorityAtK(votes, k),
    value_aware_at_k: valueAwareAtK(votes, k),
    ...groupShares(right),
    error_rate: accuracy(verdicts.flat()).error_rate,
  };
}

/** k samples per question at temperature 1. */
export async function evaluateSampled(
  context: EvaluationContext,
  tasks: readonly Task[],
  options: EvaluationOptions & { k: number; seed: number },
  onBatch: (done: number) => void = () => undefined,
): Promise<SampledResult> {
  const { k, seed } = options;
  const groups = await episodesInBatches(
    ...[context, tasks, options, { temperature: 1, num_generations: k }],
    (prompts) => ({ seed, purpose: 'evaluate', update: 0, prompts }),
    onBatch,
  );
  const levels = new Map<string, Episode[][]>();
  for (const [i, { difficulty }] of tasks.entries()) {
    if (difficulty === undefined) continue;
    levels.set(difficulty, [...(levels.get(difficulty) ?? []), groups[i]!]);
  }
  return {
    ...sampledScores(groups, k),
    by_difficulty: Object.fromEntries(
      [...levels].map(([level, members]) => [level, sampledScores(members, k)]),
    ),
    groups,
  };
}
