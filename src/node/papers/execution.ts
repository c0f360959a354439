import { PILOT, TRAINING, TRIALS, withKl } from './common.ts';
import type { Arm, Experiment } from './experiment.ts';

const EXECUTION: Arm = {
  name: 'execution',
  description: 'the paper’s reward',
  preset: 'execution',
};

/** What an answer alone teaches, and whether a policy that answers too much gets away with it. */
export const execution: Experiment = {
  name: 'execution',
  title: 'Execution-only learning: accuracy, failures, and the over-broad answer',
  paper: {
    title: 'Reinforcing Code Generation: Improving Text-to-SQL with Execution-Based Learning',
    arxiv: '2506.06093',
    claim:
      'Learning from execution alone, without gold SQL, takes SQLCoder-7B from 31.49 to 49.83 exact matches and ' +
      'its failing queries from 25.43 to 14.71 %. One model learned to answer too much instead, for the partial ' +
      'reward of 101.',
    published: [
      {
        caption: 'SQLCoder-7B on TempTabQA-C',
        head: ['', 'exact match', 'failing'],
        rows: [
          ['before', '31.49', '25.43'],
          ['after', '49.83', '14.71'],
        ],
      },
    ],
  },
  start: 'direct',
  common: TRAINING,
  arms: [
    { name: 'no-training', description: 'the warm start', preset: null },
    EXECUTION,
    {
      ...{ name: 'guarded', preset: 'execution' },
      description: 'partial rewards by F1 instead of recall (`precisionGuard`)',
      changes: { reward: { options: { precisionGuard: true } } },
    },
    {
      ...{ name: 'grpo', preset: 'grpo', exploratory: true },
      description: 'execution match against gold SQL',
    },
    withKl(EXECUTION),
  ],
  contrasts: [
    {
      name: 'execution > no training',
      a: { arm: 'execution', metric: 'ex' },
      b: { arm: 'no-training', metric: 'ex' },
      claim: { is: 'better', effect: 0.05 },
    },
    {
      name: 'execution fails less than no training (T = 1)',
      a: { arm: 'execution', metric: 'sampled_error' },
      b: { arm: 'no-training', metric: 'sampled_error' },
      claim: { is: 'better', effect: 0.03 },
    },
    {
      name: 'the guard costs no accuracy',
      a: { arm: 'guarded', metric: 'ex' },
      b: { arm: 'execution', metric: 'ex' },
      claim: { is: 'not-worse', margin: 0.02 },
    },
  ],
  metrics: [
    ...(['ex', 'ts', 'error', 'sampled_error', 'empty', 'over_broad'] as const),
    ...(['pass_at_1', 'majority_at_8', 'pass_at_8', 'kl_from_start'] as const),
  ],
  curves: ['reward', 'sql/ex', 'sql/error', 'sql/empty', 'advantages/mean_abs', 'entropy'],
  trials: TRIALS,
  pilot: PILOT,
};
