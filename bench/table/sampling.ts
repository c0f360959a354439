/**
 * Sampling for groups of samples. One token each is reading the prompts; what further tokens take beyond
 * that is decoding.
 */
import type { Policy } from '../../src/core/model/policy.ts';
import { sample } from '../../src/core/model/sample.ts';
import { tokenUniform } from '../../src/core/random/stream.ts';
import { usePlain } from '../../src/core/tensor/ops.ts';
import { SAMPLES, type Workload } from './shapes.ts';

/** Samples `tokens` tokens for each sample of each prompt. */
export async function sampleTokens(
  policy: Policy,
  { items }: Workload,
  tokens: number,
  plain: boolean,
): Promise<void> {
  usePlain(plain);
  try {
    const prompts = items.map(({ prompt }) => prompt);
    await sample(policy, prompts, {
      ...{ num_generations: SAMPLES, max_completion_length: tokens, temperature: 1, top_p: 1 },
      eos_token_id: -1, // never: every sample has all its tokens
      uniform: (prompt, index, position) =>
        tokenUniform(1, 'bench/sampling', 0, prompt, index, position),
    });
  } finally {
    usePlain(false);
  }
}
