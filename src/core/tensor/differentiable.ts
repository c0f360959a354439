/** tf.customGrad with the types its declaration cannot express. */
import { tf, type Tensor } from '#tfjs';

export type Save = (tensors: Tensor[]) => void;

export interface Differentiable {
  value: Tensor;
  /** One gradient per input, in order; what else it makes is disposed. */
  gradFunc: (dy: Tensor, saved: Tensor[]) => Tensor | Tensor[];
}

export function differentiable<X extends Tensor[]>(
  forward: (save: Save, ...x: X) => Differentiable,
  ...x: X
): Tensor {
  const call = (...args: unknown[]): Differentiable => {
    const { value, gradFunc } = forward(args.at(-1) as Save, ...(args.slice(0, -1) as X));
    return { value, gradFunc: (dy, saved) => tf.tidy(() => gradFunc(dy, saved)) };
  };
  return tf.customGrad(call as unknown as Parameters<typeof tf.customGrad>[0])(...x);
}

/** The value without its gradient. */
export function stopGradient<T extends Tensor>(x: T): T {
  return differentiable(
    (_save, y) => ({ value: tf.clone(y), gradFunc: (dy) => tf.zerosLike(dy) }),
    x,
  ) as T;
}
