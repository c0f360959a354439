/** One optimiser step of maximum likelihood on texts: what SFT and rejection sampling share. */
import type { PackItem } from '../model/pack.ts';
import type { RunContext } from './context.ts';

/** Mean negative log-likelihood per completion token, in nats, and the gradient norm. */
export interface ImitationResult {
  loss: number;
  grad_norm: number;
  tokens: number;
}

/** A text to imitate: of its completions, the tokens where `masks` are 1 (all without). */
export interface ImitationItem extends PackItem {
  masks?: Uint8Array[];
}

const ones = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0);

const imitatedTokens = (items: readonly ImitationItem[]): number =>
  items.reduce(
    (sum, { completions, masks }) =>
      sum + completions.reduce((n, c, i) => n + (masks ? ones(masks[i]!) : c.length), 0),
    0,
  );

/** Null where every token of the items counts. */
function maskOf(items: readonly ImitationItem[]): Float32Array | null {
  if (!items.some(({ masks }) => masks?.some((mask) => mask.includes(0)))) return null;
  return Float32Array.from(
    items.flatMap(({ completions, masks }) =>
      completions.flatMap((c, i) =>
        masks ? Array.from(masks[i]!) : Array<number>(c.length).fill(1),
      ),
    ),
  );
}

/**
 * @param size items per forward pass
 * @throws StepSqlError when a text exceeds max_position_embeddings
 */
export async function imitate(
  { policy, optimizer, compute }: Pick<RunContext, 'policy' | 'optimizer' | 'compute'>,
  items: readonly ImitationItem[],
  size: number,
  rate: number,
): Promise<ImitationResult> {
  const tokens = imitatedTokens(items);
  for (const { prompt, completions } of items) {
    policy.checkLength(prompt.length + Math.max(...completions.map(({ length }) => length)));
  }
  const batches = Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  );
  const { grads, values } = await compute.backward(
    batches.map((local) => ({
      ...{ kind: 'likelihood', scale: 1 / tokens, mask: maskOf(local) },
      items: local.map(({ prompt, completions }) => ({ prompt, completions })),
    })),
  );
  const loss = values.reduce((sum, pass) => sum + pass.loss, 0);
  return { loss, grad_norm: grads ? await optimizer.apply(grads, rate) : 0, tokens };
}
