/** Texts as vectors, for the memory of verified thoughts. */

export interface Embedder {
  readonly name: string;
  /** One vector per text, all of one length; need not be of length 1. */
  embed(texts: readonly string[]): Promise<Float32Array[]>;
}

export function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** The vector with length 1; undefined for one without a direction. */
export function unit(vector: Float32Array): Float32Array | undefined {
  const norm = Math.sqrt(dot(vector, vector));
  if (!(norm >= 1e-8) || norm === Infinity) return undefined;
  return vector.map((value) => value / norm);
}
