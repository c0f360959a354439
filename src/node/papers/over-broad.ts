import { TRAINING } from './common.ts';
import { execution } from './execution.ts';
import type { Arm, Experiment } from './experiment.ts';

const arm = (name: string, description: string, options: object): Arm => ({
  ...{ name, description, preset: 'execution' },
  changes: { reward: { options } },
});

/**
 * The reward hack that 2506.06093 reports, made visible: a start that is almost never right, a fifth of whose
 * answers hold the right one among others. Where a group has a right answer its 1001 outweighs all else; here most
 * groups have none, and the partial reward is all there is to learn from.
 */
export const overBroad: Experiment = {
  name: 'over-broad',
  title: 'The over-broad answer as a reward hack',
  paper: execution.paper!,
  start: 'broad',
  common: TRAINING,
  arms: [
    { name: 'no-training', description: 'the warm start', preset: null },
    {
      ...{ name: 'execution', preset: 'execution' },
      description: 'the paper’s reward: an over-broad answer earns all of the partial reward',
    },
    arm('guarded', 'partial rewards by F1 instead of recall (`precisionGuard`)', {
      precisionGuard: true,
    }),
    {
      ...arm('no-partial', 'control: no partial rewards', { partial: 0 }),
      exploratory: true,
    },
  ],
  contrasts: [
    {
      name: 'the guard keeps answers narrower',
      a: { arm: 'guarded', metric: 'over_broad' },
      b: { arm: 'execution', metric: 'over_broad' },
      claim: { is: 'better', effect: 0.1 },
    },
  ],
  metrics: [
    ...(['over_broad', 'ex', 'error', 'sampled_error', 'empty', 'pass_at_1'] as const),
    ...(['majority_at_8', 'pass_at_8', 'kl_from_start'] as const),
  ],
  curves: [
    ...['reward', 'sql/over_broad', 'sql/ex', 'sql/error', 'groups/all_wrong'],
    ...['advantages/mean_abs', 'entropy'],
  ],
  trials: null,
  pilot: null,
  seeds: [0, 1, 3, 4, 5],
  tried: [
    'A first start with two habitual errors a skill and 3 % gold was right in 15 % of samples: each error being ' +
      'unlikely by itself, decoding found its way between them, and right answers outweighed the rest.',
    'With one error a skill but errors of order and duplicates among them, which the answer’s cells do not show, it ' +
      'was right in 7 %: over-broad answers rose from 21 to 28 % of samples in 100 updates.',
    'As it is now (right in 4 %), seed 0 on tuning questions after 200 updates: over-broad 23 % with the paper’s ' +
      'reward and 16 % with the guard (28 % before), right 23 and 30 %.',
  ],
};
