/** What the papers' experiments share (README: "How the comparisons are made"). */

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

/** Seeds of the pilot. */
export const PILOT = 4;
