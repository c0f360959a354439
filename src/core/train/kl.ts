/** How far a policy has moved from another, over text it wrote itself. */
import { tf } from '#tfjs';
import type { Episode } from '../episode/episode.ts';
import { pack, toTensors } from '../model/pack.ts';
import type { Policy } from '../model/policy.ts';
import { exp } from '../random/math.ts';
import { take } from '../tensor/read.ts';

/** Sequences in one forward pass. */
const BATCH = 64;

export interface WrittenGroup {
  prompt: Int32Array;
  episodes: readonly Pick<Episode, 'tokens' | 'mask'>[];
}

/**
 * KL(policy ‖ start) in nats per token the policy wrote: the mean of the k3 estimate e^d − d − 1 with
 * d = log start − log policy (Schulman 2020), unbiased for episodes sampled from `policy` at
 * temperature 1. NaN when nothing was written.
 */
export async function klFromStart(
  policy: Policy,
  start: Policy,
  groups: readonly WrittenGroup[],
): Promise<number> {
  let sum = 0;
  let tokens = 0;
  let batch: WrittenGroup[] = [];
  const flush = async (): Promise<void> => {
    if (batch.length === 0) return;
    const items = batch.map(({ prompt, episodes }) => ({
      prompt,
      completions: episodes.map((episode) => episode.tokens),
    }));
    const differences = tf.tidy(() => {
      const { input, rows, targets } = toTensors(pack(items));
      const own = policy.tokenLogProbs(input, rows, targets).logProbs;
      return tf.sub(start.tokenLogProbs(input, rows, targets).logProbs, own);
    });
    const d = await take(differences);
    let t = 0;
    for (const { mask } of batch.flatMap(({ episodes }) => episodes)) {
      for (const written of mask) {
        if (written) {
          sum += exp(d[t]!) - d[t]! - 1;
          tokens++;
        }
        t++;
      }
    }
    batch = [];
  };
  let sequences = 0;
  for (const group of groups) {
    const episodes = group.episodes.filter((episode) => episode.tokens.length > 0);
    if (episodes.length === 0) continue;
    batch.push({ prompt: group.prompt, episodes });
    sequences += episodes.length;
    if (sequences < BATCH) continue;
    await flush();
    sequences = 0;
  }
  await flush();
  return tokens > 0 ? sum / tokens : NaN;
}
