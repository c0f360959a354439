/** One optimiser step of maximum likelihood on texts: what SFT and rejection sampling share. */
import type { PackItem } from '../model/pack.ts';
import type { RunContext } from './context.ts';

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
  { policy, optimizer, compute }: Pick<RunContext, 'policy' | 'optimizer' | 'compute'>,
  items: readonly PackItem[],
  size: number,
  rate: number,
): Promise<ImitationResult> {
  const tokens = completionTokens(items);
  for (const { prompt, completions } of items) {
    policy.checkLength(prompt.length + Math.max(...completions.map(({ length }) => length)));
  }
  const batches = Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  );
  const { grads, values } = await compute.backward(
    batches.map((local) => ({ kind: 'likelihood', items: local, scale: 1 / tokens })),
  );
  const loss = values.reduce((sum, pass) => sum + pass.loss, 0);
  return { loss, grad_norm: grads ? await optimizer.apply(grads, rate) : 0, tokens };
}
