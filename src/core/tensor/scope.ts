import { tf } from '#tfjs';

/**
 * tf.tidy for results it does not understand: tensors inside them must be kept by tf.keep. Large arrays
 * must not be returned from it, because tidy walks what is returned element by element.
 */
export function scoped<T>(run: () => T): T {
  let result: T;
  tf.tidy(() => {
    result = run();
  });
  return result!;
}
