import { tf, type Tensor } from '#tfjs';

/** Saves a tensor from the end of its scope; the caller of `scoped` disposes it. */
export type Keep = <T extends Tensor>(tensor: T) => T;

/**
 * tf.tidy for results it does not understand: the tensors in them must be kept by `keep`. When `run`
 * throws, nothing is left behind.
 */
export function scoped<T>(run: (keep: Keep) => T): T {
  let result: T;
  const kept: Tensor[] = [];
  const keep: Keep = (tensor) => {
    kept.push(tensor);
    return tf.keep(tensor);
  };
  try {
    tf.tidy(() => {
      result = run(keep); // not returned: tidy would walk large arrays element by element
    });
  } catch (error) {
    tf.dispose(kept);
    throw error;
  }
  return result!;
}
