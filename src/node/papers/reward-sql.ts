import { PILOT, TRAINING, TRIALS, withKl } from './common.ts';
import type { Arm, Experiment } from './experiment.ts';

/** An arm whose steps have values from somewhere. */
const scored = (name: string, description: string, source: string): Arm => ({
  ...{ name, description, preset: 'grpo' },
  changes: {
    reward: { name: 'reward-sql' },
    credit: { name: 'process-weighted' },
    process_values: { source },
  },
});

const PROCESS = scored('process', 'outcome, credit shared out by the process reward model', 'prm');

/** A control differs from `process` in the values alone: it takes its learning rate. */
const control = (name: string, description: string): Arm => ({
  ...scored(name, description, name),
  ...{ rateOf: 'process', exploratory: true },
});

/**
 * Does a process reward model help in training, and at inference? The arms with oracle and shuffled values tell a bad
 * model from a bad formula.
 */
export const rewardSql: Experiment = {
  name: 'reward-sql',
  title: 'Reward-SQL: a process reward model in training and at inference',
  paper: {
    title: 'Reward-SQL: Boosting Text-to-SQL via Stepwise Reasoning and Process-Supervised Rewards',
    arxiv: '2505.04671',
    claim:
      'It claims that process scores carry the gain of reinforcement learning (outcome alone does not beat ' +
      'supervised fine-tuning: 62.6 against 63.2) and that Best-of-N by the process reward model adds to it. The ' +
      'released code is of the first version; the entropy weights of the last are this project’s reading.',
    published: [
      {
        caption: 'BIRD dev EX (version 3, Qwen3-8B; version 1, Qwen2.5-Coder-7B)',
        head: ['', 'v1', 'v3', 'v3, PRM@8'],
        rows: [
          ['base', '52.5', '–', '–'],
          ['supervised fine-tuning, greedy', '54.4', '63.2', '67.4'],
          ['GRPO outcome only, greedy', '–', '62.6', '67.0'],
          ['GRPO process + outcome, greedy', '59.7', '66.0', '68.7'],
          ['+ PRM Best-of-32', '68.9', '70.3', ''],
        ],
      },
    ],
  },
  start: 'cocte',
  prm: true,
  common: { ...TRAINING, grpo: { ...TRAINING.grpo, num_updates: 100 } },
  arms: [
    { name: 'no-training', description: 'the warm start', preset: null },
    { name: 'outcome', description: 'GRPO with the outcome alone', preset: 'grpo' },
    PROCESS,
    control('oracle', 'as process, by 32 completions from every step instead of the model'),
    control('shuffled', 'as process, by the model’s scores permuted at random'),
    withKl(PROCESS),
  ],
  contrasts: [
    {
      name: 'process + outcome > outcome, greedy',
      a: { arm: 'process', metric: 'ex' },
      b: { arm: 'outcome', metric: 'ex' },
      claim: { is: 'better', effect: 0.02 },
    },
    {
      name: 'PRM Best-of-8 > majority of 8',
      a: { arm: 'process', metric: 'prm_best_of_8' },
      b: { arm: 'process', metric: 'majority_at_8' },
      claim: { is: 'better', effect: 0.01 },
    },
    {
      name: 'PRM Best-of-8 > a random executable one',
      a: { arm: 'process', metric: 'prm_best_of_8' },
      b: { arm: 'process', metric: 'random_executable' },
      claim: { is: 'better', effect: 0.02 },
    },
  ],
  metrics: [
    ...(['ex', 'ts', 'error', 'pass_at_1', 'prm_best_of_8', 'majority_at_8'] as const),
    ...(['random_executable', 'pass_at_8', 'prm_auc', 'kl_from_start'] as const),
    ...(['prm_product', 'prm_last', 'prm_mean', 'prm_weighted', 'prm_guided'] as const),
  ],
  curves: [
    ...['sql/ex', 'sql/error', 'rewards/process/mean', 'advantages/mean_abs'],
    ...['frac_reward_zero_std', 'turns/mean', 'entropy'],
  ],
  trials: TRIALS,
  pilot: PILOT,
};
