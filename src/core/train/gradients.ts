/** Gradients of a loss with respect to every parameter of a policy, and their sums. */
import { tf, type Scalar, type Tensor } from '#tfjs';
import type { Policy } from '../model/policy.ts';

/** One gradient per parameter name. */
export type Gradients = Map<string, Tensor>;

/** The value of a scalar loss and its gradients. The caller disposes both. */
export function gradientsOf(
  policy: Policy,
  loss: () => Scalar,
): { value: Scalar; grads: Gradients } {
  const variables = [...policy.parameters.values()];
  const result = tf.variableGrads(loss, variables);
  const grads: Gradients = new Map();
  for (const [name, { name: id }] of policy.parameters) grads.set(name, result.grads[id]!);
  return { value: result.value, grads };
}

/** Sums two sets of gradients and disposes both. */
export function addGradients(a: Gradients, b: Gradients): Gradients {
  const sums: Gradients = new Map();
  try {
    for (const [name, x] of a) sums.set(name, tf.add(x, b.get(name)!));
    return sums;
  } catch (error) {
    tf.dispose([...sums.values()]);
    throw error;
  } finally {
    tf.dispose([...a.values(), ...b.values()]);
  }
}

/** As one array, in the order of the policy's parameters (`Policy.weights`); disposes them. */
export async function flatten(grads: Gradients): Promise<Float32Array> {
  const tensors = [...grads.values()];
  try {
    const all = new Float32Array(tensors.reduce((sum, { size }) => sum + size, 0));
    let offset = 0;
    for (const part of await Promise.all(tensors.map((tensor) => tensor.data<'float32'>()))) {
      all.set(part, offset);
      offset += part.length;
    }
    return all;
  } finally {
    tf.dispose(tensors);
  }
}

/** The other way round. */
export function unflatten(policy: Policy, values: Float32Array): Gradients {
  const grads: Gradients = new Map();
  let offset = 0;
  for (const [name, { shape, size }] of policy.parameters) {
    grads.set(name, tf.tensor(values.subarray(offset, offset + size), shape));
    offset += size;
  }
  return grads;
}
