/** Ours on several threads, as `stepsql train --workers` computes: a pass for each prompt, samples dealt. */
import { spawnReplica } from '../src/node/replicas.ts';
import { Crew } from '../src/core/train/crew.ts';
import { Optimizer } from '../src/core/train/optimizer.ts';
import type { Pass } from '../src/core/train/pass.ts';
import type { Peer } from './table/peer.ts';
import { NEW_TOKENS, SAMPLES, type Workload } from './table/shapes.ts';
import { OPTIMIZER, SURROGATE } from './table/training.ts';

/** Each prompt with its samples; together they are the step that is measured. */
function passesOf({ items, advantages, completionTokens }: Workload): Pass[] {
  return items.map((item, group) => {
    const own = item.completions.flatMap(({ length }, i) =>
      Array<number>(length).fill(advantages[group * SAMPLES + i]!),
    );
    return {
      ...{ kind: 'surrogate', items: [item], oldLogProbs: null, temperature: 1 },
      advantages: Float32Array.from(own),
      weights: new Float32Array(own.length).fill(1 / completionTokens),
      mask: new Float32Array(own.length).fill(1),
      options: SURROGATE,
    };
  });
}

export const workersPeer = (count: number): Peer => ({
  id: 'workers',
  label: `ours (${count})`,
  async open(policy, _shape, work) {
    const optimizer = new Optimizer(policy, OPTIMIZER);
    const crew = new Crew({
      ...{ policy, reference: null, count, spawn: () => spawnReplica() },
      ...{ steps: () => optimizer.steps, now: () => performance.now() },
    });
    const prompts = work.items.map(({ prompt }) => prompt);
    const passes = passesOf(work);
    const train = async (): Promise<{ loss: number; gradNorm: number }> => {
      const { grads, values } = await crew.backward(passes);
      const gradNorm = await optimizer.apply(grads!, 0);
      return { loss: values.reduce((sum, { loss }) => sum + loss, 0), gradNorm };
    };
    const sample = (tokens: number) => async (): Promise<void> => {
      await crew.sample(prompts, {
        ...{ num_generations: SAMPLES, max_completion_length: tokens, temperature: 1, top_p: 1 },
        eos_token_id: -1, // never: every sample has all its tokens
        draws: { ...DRAWS, prompts: prompts.map((_, i) => i) },
      });
    };
    return {
      computed: await train(),
      train: async () => void (await train()),
      prefill: sample(1),
      sample: sample(NEW_TOKENS),
      async close() {
        await crew.close();
        optimizer.dispose();
      },
    };
  },
});

const DRAWS = { seed: 1, purpose: 'bench/sampling', update: 0 };
