/** What the papers' experiments share (README: "How the comparisons are made"). */
import type { Arm } from './experiment.ts';

/** Equal episodes for every arm; KL and clipping as the issue of these comparisons asks. */
export const TRAINING = {
  grpo: {
    ...{ num_updates: 200, prompts_per_update: 16, num_generations: 8 },
    ...{ temperature: 1, beta: 0 },
  },
  optimizer: { warmup_steps: 10, max_grad_norm: 1 },
  checkpoint_every: 50,
} as const;

/** Learning rates every arm is tried with, and how many tuning seeds each of them. */
export const TRIALS = { rates: [5e-5, 1e-4, 2e-4, 4e-4], seeds: 2 } as const;

/** Is it sensitive to β? The arm with a little KL penalty towards the warm start, at its learning rate. */
export const withKl = (arm: Arm): Arm => ({
  name: `${arm.name}-kl`,
  description: `as ${arm.name}, with a KL penalty (β = .01)`,
  preset: arm.preset,
  changes: { ...arm.changes, grpo: { beta: 0.01 } },
  rateOf: arm.name,
  exploratory: true,
});

/** Seeds of the pilot. */
export const PILOT = 4;
