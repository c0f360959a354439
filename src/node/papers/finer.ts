import { PILOT, TRAINING, TRIALS } from './common.ts';
import type { Arm, Contrast, Experiment } from './experiment.ts';

/** The small policy's thoughts are short: 40 characters pass its gate, the paper's 100 would pass none. */
const GATE = { minThoughtCharacters: 40 };

const arm = (name: string, description: string, options: object = {}): Arm => ({
  ...{ name, description, preset: 'grpo' },
  changes: { reward: { name: 'finer', options: { ...GATE, ...options } } },
});

const better = (than: string): Pick<Contrast, 'a' | 'b' | 'claim'> => ({
  a: { arm: 'full', metric: 'ex' },
  b: { arm: than, metric: 'ex' },
  claim: { is: 'better', effect: 0.02 },
});

/** Do dense rewards help where most groups hold no right answer? Full FINER-SQL against what it is made of. */
export const finer: Experiment = {
  name: 'finer',
  title: 'FINER-SQL: dense rewards for small policies',
  paper: {
    title: 'FINER-SQL: Boosting Small Language Models for Text-to-SQL',
    arxiv: '2605.03465',
    claim:
      'It claims that atomic operations and a memory of verified thoughts add what a sparse execution reward ' +
      'lacks: 67.73 on BIRD dev with a 3B model against 63.4 after supervised fine-tuning.',
    published: [
      {
        caption: 'BIRD dev EX of the 3B model (third-party notes of the paper)',
        head: ['', 'EX', 'against full'],
        rows: [
          ['supervised fine-tuning', '≈ 63.4', '−4.3'],
          ['full', '67.73', ''],
          ['−memory', '65.5', '−2.22'],
          ['−atomic', '64.5', '−3.26'],
          ['−both', '63.3', '−4.44'],
        ],
      },
      {
        caption: 'Official EX of the released models (README)',
        head: ['', 'BIRD dev', 'Recall@30', 'Spider dev'],
        rows: [
          ['3B', '67.80', '81.23', '85.0'],
          ['0.5B', '50.59', '68.32', '75.0'],
        ],
      },
    ],
  },
  start: 'think',
  common: TRAINING,
  arms: [
    { name: 'no-training', description: 'the warm start', preset: null },
    arm('full', 'F · (1 + execution + atomic + memory)'),
    arm('sparse', 'F · 1[match]', { variant: 'sparse' }),
    arm('no-both', 'without atomic and memory terms', { atomic: false, memory: false }),
    { ...arm('no-memory', 'without the memory term', { memory: false }), exploratory: true },
    { ...arm('no-atomic', 'without the atomic term', { atomic: false }), exploratory: true },
  ],
  contrasts: [
    { name: 'full > sparse', ...better('sparse') },
    { name: 'full > −both', ...better('no-both') },
  ],
  metrics: [
    ...(['ex', 'ts', 'error', 'sampled_error', 'pass_at_1', 'majority_at_8'] as const),
    ...(['value_aware_vote', 'pass_at_8', 'kl_from_start'] as const),
  ],
  curves: [
    ...['sql/ex', 'sql/error', 'rewards/format/mean', 'rewards/atomic/mean', 'rewards/memory/mean'],
    ...['rewards/memory/wrong_std', 'rewards/memory/wrong_group_std'],
    ...['rewards/memory/wrong_atomic_correlation', 'groups/all_wrong', 'advantages/mean_abs'],
    ...['frac_reward_zero_std', 'completions/mean_length', 'entropy'],
  ],
  trials: TRIALS,
  pilot: PILOT,
};
