/** What is measured of a policy on a split: greedily, and by eight samples at temperature 1. */
import { badInput } from '../../core/errors.ts';
import type { Task } from '../../core/data/task.ts';
import type { Episode } from '../../core/episode/episode.ts';
import { candidateOf, scoreBestOfN } from '../../core/evaluate/best-of-n.ts';
import { rocAuc } from '../../core/evaluate/calibration.ts';
import type { ToolMetrics } from '../../core/evaluate/tools.ts';
import type { Policy } from '../../core/model/policy.ts';
import type { Recipe } from '../../core/recipe/schema.ts';
import { maxCompletionLength } from '../../core/train/batches.ts';
import { localCompute } from '../../core/train/compute.ts';
import { DatabaseHashes, Prompts, type RunData } from '../../core/train/context.ts';
import {
  evaluateGreedy,
  evaluateSampled,
  type EvaluationContext,
  type SampledResult,
  type SampledScores,
} from '../../core/train/evaluation.ts';
import { klFromStart } from '../../core/train/kl.ts';
import { evaluateGuided } from '../../core/train/prm/infer.ts';
import { PrmScorer } from '../../core/train/prm/scorer.ts';
import type { LoadedPolicy } from '../../core/train/starting-policy.ts';
import { loadPrm } from '../checkpoints.ts';
import type { Report } from './piece.ts';
import type { SplitResult } from './result.ts';
import { openSql } from './train-arm.ts';

/** How guided search writes: as samples are drawn. */
const DRAWING = { temperature: 1, top_p: 1 };

/** Questions whose samples tell how far the policy has moved from its start. */
const KL_QUESTIONS = 200;

export interface MeasureOptions {
  split: string;
  /** The first so many questions of the split. */
  questions: number;
  /** Also eight samples a question, and with them the KL from the start. */
  samples: boolean;
  /** The policy training began with; null for the start itself. */
  start?: Policy | null;
  /** Folder of the process reward model that picks among the samples. */
  prm?: string | undefined;
  maxCompletionLength?: number | undefined;
  onProgress: Report;
  workerFile?: string | undefined;
}

export async function measure(
  { policy, tokenizer }: LoadedPolicy,
  recipe: Recipe,
  data: RunData,
  options: MeasureOptions,
): Promise<SplitResult> {
  const { split, onProgress } = options;
  const tasks = data.splits.get(split)?.slice(0, options.questions);
  if (!tasks) throw badInput('split', split, [...data.splits.keys()].join(', '));
  const sql = openSql(recipe, options.workerFile);
  try {
    const context = {
      ...{ policy, compute: localCompute(policy), tokenizer, sql },
      prompts: new Prompts(tokenizer, data.databases, recipe),
      databases: new DatabaseHashes(sql, data.databases),
    };
    const max_completion_length = options.maxCompletionLength ?? maxCompletionLength(recipe);
    const settings = { max_completion_length, batch_size: 64, test_suite: true };
    const report = (done: number): void => onProgress(done, tasks.length, `${split} questions`);
    const { all, by_difficulty, tools } = await evaluateGreedy(context, tasks, settings, report);
    const result: SplitResult = {
      questions: tasks.length,
      ex: all.ex,
      ts: all.ts ?? null,
      soft_f1: all.soft_f1,
      error: all.error_rate,
      empty: all.empty_rate,
      over_broad: all.over_broad_rate,
      levels: Object.fromEntries(
        Object.entries(by_difficulty).map(([level, { ex }]) => [level, ex]),
      ),
      samples: null,
      ...(tools && { more: callNumbers(tools) }),
    };
    if (!options.samples) return result;
    // The same draws for every arm and seed: only the policy differs.
    const sampling = { ...settings, test_suite: false, k: 8, seed: 0 };
    const sampled = await evaluateSampled(context, tasks, sampling, report);
    const written = sampled.groups.slice(0, KL_QUESTIONS).map((episodes, i) => ({
      prompt: context.prompts.of(tasks[i]!),
      episodes,
    }));
    const more: Record<string, number> = { ...result.more };
    if (options.start) more['kl_from_start'] = await klFromStart(policy, options.start, written);
    if (options.prm !== undefined) {
      Object.assign(more, await prmNumbers(context, tasks, sampled.groups, options.prm, sampling));
    }
    return { ...result, samples: scores(sampled), more };
  } finally {
    await sql.close();
  }
}

/** Of greedy answers, by the names that tables use. */
const callNumbers = (tools: ToolMetrics): Record<string, number> => ({
  ...{ calls: tools.calls, wasted_calls: tools.wasted, repeated_calls: tools.repeated },
  ...{ useless_calls: tools.useless, failing_calls: tools.failing },
  ...(!Number.isNaN(tools.recall) && { needed_recall: tools.recall }),
  ...(!Number.isNaN(tools.calls_per_correct) && { calls_per_correct: tools.calls_per_correct }),
});

/**
 * Best-of-8 by a process reward model, of which the released code of Reward-SQL submits `min`, beside a random
 * executable sample; guided search that tries every step as often; and how well the value of its last step tells
 * right samples from wrong ones.
 */
async function prmNumbers(
  context: EvaluationContext,
  tasks: readonly Task[],
  groups: readonly (readonly Episode[])[],
  folder: string,
  { k, seed, max_completion_length }: { k: number; seed: number; max_completion_length: number },
): Promise<Record<string, number>> {
  const { prompts, tokenizer } = context;
  const model = await loadPrm(folder);
  try {
    const scorer = new PrmScorer(model);
    const values = await scorer.score(
      groups.map((episodes, i) => ({ prompt: prompts.of(tasks[i]!), episodes })),
    );
    const candidates = groups.map((group, g) =>
      group.map((episode, e) => candidateOf(episode, values[g]![e])),
    );
    const { random, min, product, last, mean, weighted } = scoreBestOfN(candidates).accuracy;
    const auc = rocAuc(
      candidates.flat().flatMap((candidate) => {
        const score = candidate.values?.at(-1);
        return score === undefined ? [] : [{ score, label: Number(candidate.right) }];
      }),
    );
    const drawing = { ...DRAWING, max_completion_length, eos_token_id: tokenizer.eosId! };
    const search = { expansions: k, beam: 1, seed };
    const guided = await evaluateGuided(context, tasks, scorer, drawing, search);
    return {
      ...{ random_executable: random!, prm_best_of_8: min!, prm_product: product! },
      ...{ prm_last: last!, prm_mean: mean!, prm_weighted: weighted! },
      prm_guided: guided.accuracy,
      ...(!Number.isNaN(auc) && { prm_auc: auc }),
    };
  } finally {
    model.policy.dispose();
  }
}

function scores({ by_difficulty: _, groups: __, ...all }: SampledResult): SampledScores {
  return all;
}
