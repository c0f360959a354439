/** One optimiser step of maximum likelihood on texts: what SFT and rejection sampling share. */
import { tf, type Tensor } from '#tfjs';
import { pack, toTensors, type PackItem } from '../model/pack.ts';
import { scoped } from '../tensor/scope.ts';
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
export function imitate(
  { policy, optimizer }: Pick<RunContext, 'policy' | 'optimizer'>,
  items: readonly PackItem[],
  size: number,
  rate: number,
): ImitationResult {
  const tokens = completionTokens(items);
  let grads: Map<string, Tensor> | undefined;
  let loss = 0;
  for (let start = 0; start < items.length; start += size) {
    const local = items.slice(start, start + size);
    for (const { prompt, completions } of local) {
      policy.checkLength(prompt.length + Math.max(...completions.map(({ length }) => length)));
    }
    const next = scoped(() => {
      const { input, rows, targets } = toTensors(pack(local));
      const result = optimizer.gradients(() => {
        const { logProbs } = policy.tokenLogProbs(input, rows, targets);
        return tf.mul(tf.sum(logProbs), -1 / tokens);
      });
      for (const grad of result.grads.values()) tf.keep(grad);
      tf.keep(result.value);
      return result;
    });
    loss += next.value.dataSync()[0]!;
    next.value.dispose();
    grads = grads ? addGradients(grads, next.grads) : next.grads;
  }
  return { loss, grad_norm: grads ? optimizer.apply(grads, rate) : 0, tokens };
}

/** Sums two sets of gradients and disposes both. */
export function addGradients(a: Map<string, Tensor>, b: Map<string, Tensor>): Map<string, Tensor> {
  const total = new Map<string, Tensor>();
  for (const [name, x] of a) {
    const y = b.get(name)!;
    total.set(name, tf.add(x, y));
    tf.dispose([x, y]);
  }
  return total;
}
