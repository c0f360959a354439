/**
 * An embedder with the mean of a corpus subtracted. Mean-pooled states of a language model share a large part,
 * whatever the text (the larger the model, the more nearly they are parallel): the rest tells texts apart.
 */
import type { Embedder } from './embedder.ts';

/** Of at least one vector. */
export function meanOf(vectors: readonly Float32Array[]): Float32Array {
  const sums = new Float64Array(vectors[0]!.length);
  for (const vector of vectors) vector.forEach((value, i) => (sums[i]! += value));
  return Float32Array.from(sums, (sum) => sum / vectors.length);
}

export class CentredEmbedder implements Embedder {
  readonly name: string;
  readonly #embedder: Embedder;
  /** What is subtracted; undefined before there was a corpus. */
  mean: Float32Array | undefined;

  constructor(embedder: Embedder) {
    this.name = `centred ${embedder.name}`;
    this.#embedder = embedder;
  }

  /** As `embed`; the first texts there are become the corpus. */
  async embed(texts: readonly string[]): Promise<Float32Array[]> {
    const vectors = await this.#embedder.embed(texts);
    if (vectors.length === 0) return [];
    const mean = (this.mean ??= meanOf(vectors));
    return vectors.map((vector) => vector.map((value, i) => value - mean[i]!));
  }
}
