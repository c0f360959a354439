import { PILOT, TRAINING, TRIALS, withKl } from './common.ts';
import type { Arm, Contrast, Experiment } from './experiment.ts';

/** FineStep's reward pays for steps and for the outcome; what becomes of either is the arm's credit. */
const arm = (name: string, description: string, credit: object, exploratory?: true): Arm => ({
  ...{ name, description, preset: 'grpo' },
  changes: { reward: { name: 'finestep' }, credit },
  ...(exploratory && { exploratory }),
});

const FINESTEP = arm('finestep', 'FineStep: the same process rewards, credit step by step', {
  name: 'finestep',
});

/** Differs from `finestep` in one part alone: it takes its learning rate. */
const ablation = (name: string, description: string, options: object): Arm => ({
  ...arm(name, description, { name: 'finestep', options }, true),
  rateOf: 'finestep',
});

const summed = 'grpo-summed';

const against = (metric: Contrast['a']['metric'], other: string): Pick<Contrast, 'a' | 'b'> => ({
  a: { arm: 'finestep', metric },
  b: { arm: other, metric },
});

/**
 * Is it the credit? FineStep against GRPO that sums the very same process rewards, on the same episodes; beside
 * them GRPO on the outcome alone, step-level baselines and FineStep without each of its parts.
 */
export const finestep: Experiment = {
  name: 'finestep',
  title: 'FineStep: credit for every step',
  paper: {
    title: 'Every Step Counts: Step-Level Credit Assignment for Tool-Integrated Text-to-SQL',
    arxiv: '2605.04719',
    claim:
      'It claims +3.25 points of average execution accuracy over GRPO at 4B and fewer redundant tool calls, ' +
      'by independent process rewards with discounted, smoothed, group-normalised credit for every step. Its ' +
      'constants are not public: ours are this project’s reading.',
    published: [
      {
        caption: 'Pass@1 as a published summary gives it; which data set is not said there',
        head: ['', 'Pass@1'],
        rows: [
          ['no training', '16.7'],
          ['GRPO', '33.3'],
          ['FineStep', '34.6'],
        ],
      },
    ],
  },
  start: 'tools',
  common: TRAINING,
  arms: [
    { name: 'no-training', description: 'the warm start', preset: null },
    arm('grpo', 'GRPO, outcome only', { name: 'group-relative' }),
    arm(summed, 'GRPO, process rewards summed into the outcome', {
      ...{ name: 'group-relative', options: { process: 'sum' } },
    }),
    FINESTEP,
    arm('gigpo', 'GiGPO: steps from the same state compared', { name: 'gigpo' }, true),
    {
      ...{ name: 'skyrl', description: 'SkyRL-SQL’s reward, GRPO', preset: 'grpo' },
      ...{ changes: { reward: { name: 'skyrl' } }, exploratory: true },
    },
    ablation('no-process', 'FineStep without process rewards', { process: false }),
    ablation('no-discount', 'FineStep without discounting (γ = 1)', { gamma: 1 }),
    ablation('no-smoothing', 'FineStep without smoothing (λ = 0)', { lambda: 0 }),
    withKl(FINESTEP),
  ],
  contrasts: [
    {
      name: 'finestep wastes fewer calls than summed process rewards',
      ...against('wasted_calls', summed),
      claim: { is: 'better', effect: { relative: 0.2 } },
    },
    {
      name: 'finestep still makes the calls that are needed',
      ...against('needed_recall', summed),
      claim: { is: 'not-worse', margin: 0.02 },
    },
    {
      name: 'finestep answers as well',
      ...against('ex', summed),
      claim: { is: 'not-worse', margin: 0.02 },
    },
  ],
  metrics: [
    ...(['ex', 'ts', 'error', 'pass_at_1', 'majority_at_8', 'pass_at_8', 'calls'] as const),
    ...(['wasted_calls', 'repeated_calls', 'useless_calls', 'failing_calls'] as const),
    ...(['calls_per_correct', 'needed_recall', 'kl_from_start'] as const),
  ],
  curves: [
    ...['sql/ex', 'tools/calls', 'tools/wasted', 'tools/repeated', 'tools/failing'],
    ...['tools/useless', 'tools/recall', 'turns/unanswered', 'rewards/process/mean'],
    ...['advantages/mean_abs', 'frac_reward_zero_std', 'entropy'],
  ],
  trials: TRIALS,
  pilot: PILOT,
};
