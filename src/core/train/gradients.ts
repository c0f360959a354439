/** Gradients of one optimiser step, summed over the forward passes that memory allows. */
import { tf, type Tensor } from '#tfjs';

/** One gradient per parameter name. */
export type Gradients = Map<string, Tensor>;

/**
 * Sums what `pass` gives for each batch, and disposes the parts; undefined without batches. When a pass
 * throws, nothing is left behind.
 */
export async function sumGradients<T>(
  batches: Iterable<T>,
  pass: (batch: T) => Promise<Gradients>,
): Promise<Gradients | undefined> {
  let total: Gradients | undefined;
  try {
    for (const batch of batches) {
      const next = await pass(batch);
      total = total ? addGradients(total, next) : next;
    }
  } catch (error) {
    if (total) tf.dispose([...total.values()]);
    throw error;
  }
  return total;
}

/** Sums two sets of gradients and disposes both. */
function addGradients(a: Gradients, b: Gradients): Gradients {
  try {
    return new Map([...a].map(([name, x]) => [name, tf.add(x, b.get(name)!)]));
  } finally {
    tf.dispose([...a.values(), ...b.values()]);
  }
}
