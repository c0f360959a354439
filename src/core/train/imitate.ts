/** One optimiser step of maximum likelihood on texts: what SFT and rejection sampling share. */
import { tf } from '#tfjs';
import { pack, toTensors, type PackItem } from '../model/pack.ts';
import { take } from '../tensor/read.ts';
import { scoped } from '../tensor/scope.ts';
import type { RunContext } from './context.ts';
import { sumGradients } from './gradients.ts';

/** Mean negative log-likelihood per completion token, in nats, and the gradient norm. */
export interface ImitationResult {
  loss: number;
  grad_norm: number;
  tokens: number;
}

const completionTokens = (items: readonly PackItem[]): number =>
  items.reduce((sum, { completions }) => sum + completions.reduce((n, c) => n + c.length, 0), 0);

/**
 * @param size items per forward pass
 * @throws StepSqlError when a text exceeds max_position_embeddings
 */
export async function imitate(
  { policy, optimizer }: Pick<RunContext, 'policy' | 'optimizer'>,
  items: readonly PackItem[],
  size: number,
  rate: number,
): Promise<ImitationResult> {
  const tokens = completionTokens(items);
  for (const { prompt, completions } of items) {
    policy.checkLength(prompt.length + Math.max(...completions.map(({ length }) => length)));
  }
  let loss = 0;
  const batches = Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  );
  const grads = await sumGradients(batches, async (local) => {
    const { value, grads } = scoped((keep) => {
      const { input, rows, targets } = toTensors(pack(local));
      const result = optimizer.gradients(() => {
        const { logProbs } = policy.tokenLogProbs(input, rows, targets);
        return tf.mul(tf.sum(logProbs), -1 / tokens);
      });
      for (const tensor of [result.value, ...result.grads.values()]) keep(tensor);
      return result;
    });
    loss += (await take(value))[0]!;
    return grads;
  });
  return { loss, grad_norm: grads ? await optimizer.apply(grads, rate) : 0, tokens };
}
