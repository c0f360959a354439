/** Texts as vectors, for the memory of verified thoughts. */

export interface Embedder {
  readonly name: string;
  /** One vector per text, all of one length; need not be of length 1. */
  embed(texts: readonly string[]): Promise<Float32Array[]>;
}

/** Four sums, so that one addition need not wait for another: this is what comparing costs. */
export function dot(a: Float32Array, b: Float32Array): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  const whole = a.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    s0 += a[i]! * b[i]!;
    s1 += a[i + 1]! * b[i + 1]!;
    s2 += a[i + 2]! * b[i + 2]!;
    s3 += a[i + 3]! * b[i + 3]!;
  }
  for (let i = whole; i < a.length; i++) s0 += a[i]! * b[i]!;
  return s0 + s1 + (s2 + s3);
}

/** The vector with length 1; undefined for one without a direction. */
export function unit(vector: Float32Array): Float32Array | undefined {
  const norm = Math.sqrt(dot(vector, vector));
  if (!(norm >= 1e-8) || norm === Infinity) return undefined;
  return vector.map((value) => value / norm);
}
