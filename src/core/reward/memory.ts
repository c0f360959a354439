/**
 * FINER-SQL's memory (2605.03465, `memory/` of the released code): thoughts that led to right answers. How close a
 * thought is to them is the cosine of its embedding with the centroid of the k nearest ones.
 *
 * Kept is what passes the quality gate and is not yet known (cosine to its nearest below 0.9). The released code
 * computes a quality score besides that nothing depends on; it is left out. What counts as a schema hit (a word that
 * is the name of a table or column) and the capacity are this project's.
 */
import * as v from 'valibot';
import type { Schema } from '../data/task.ts';
import { choice, integer, number, text } from '../recipe/controls.ts';
import { dot, unit } from './embed/embedder.ts';
import { SENTENCE_MODEL } from './embed/sentence.ts';

/** A thought that led to a right answer about a database. */
export interface VerifiedThought {
  text: string;
  db_id: string;
}

/** Least words and characters: for the terse thoughts of a small policy, and the paper's. */
const GATES = { small: { words: 12, characters: 40 }, paper: { words: 30, characters: 100 } };
const MOST_WORDS = 2000;

export const memoryOptions = v.optional(
  v.pipe(
    v.strictObject({
      embedder: choice(
        ['policy', 'n-grams', 'sentence'],
        'policy',
        'what makes vectors of thoughts: the policy where the run began (mean-pooled, centred), hashed ' +
          'character n-grams, or a sentence-embedding model (needs @huggingface/transformers)',
      ),
      model: text(
        SENTENCE_MODEL.model,
        /^[\w./-]{1,200}$/,
        'the name of a model on the hub, or a folder',
        'Sentence-embedding model in ONNX (the paper: Qwen3-Embedding-0.6B)',
      ),
      pooling: choice(
        ['mean', 'cls', 'last_token'],
        SENTENCE_MODEL.pooling,
        'How that model makes one vector of a text (Qwen3-Embedding: last_token)',
      ),
      seeds: integer(
        500,
        { min: 0, max: 10_000 },
        'Gold thoughts of the Nursery that are offered to the memory before the first update',
      ),
      neighbours: integer(20, { min: 1, max: 1000 }, 'verified thoughts to compare with (top-k)'),
      scope: choice(
        ['other_db', 'all', 'same_db'],
        'other_db',
        'whose thoughts: about other databases, all, or about the same one',
      ),
      gate: choice(
        ['small', 'paper'],
        'small',
        'words and characters a thought needs to be kept: small 12 / 40, paper 30 / 100',
      ),
      minSchemaHits: integer(2, { min: 0, max: 100 }, 'words that name a table or column'),
      minDensity: number(0.05, { min: 0, max: 1, step: 0.01 }, 'share of such words'),
      minDistinctBigrams: number(0.6, { min: 0, max: 1, step: 0.05 }, 'share of distinct bigrams'),
      novelty: number(
        0.9,
        { min: -1, max: 2, step: 0.05 },
        'kept is what has a cosine below this to its nearest',
      ),
      capacity: integer(4000, { min: 1, max: 100_000 }, 'thoughts kept; the oldest leave first'),
    }),
    v.description('The memory of verified thoughts'),
  ),
  {},
);

export type MemoryOptions = v.InferOutput<typeof memoryOptions>;

/** Names of tables and columns, in lower case. */
export const schemaNames = ({ tables }: Schema): ReadonlySet<string> =>
  new Set(
    tables
      .flatMap(({ name, columns }) => [name, ...columns.map((column) => column.name)])
      .map((name) => name.toLowerCase()),
  );

/** Whether a thought is worth keeping. Without `names` nothing is asked of them. */
export function passesQualityGate(
  text: string,
  names: ReadonlySet<string> | undefined,
  options: MemoryOptions,
): boolean {
  const { words: leastWords, characters } = GATES[options.gate];
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (text.trim().length < characters) return false;
  if (words.length < leastWords || words.length > MOST_WORDS) return false;
  if (names) {
    const named = text.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? [];
    const hits = named.filter((word) => names.has(word)).length;
    if (names.size === 0 || hits < options.minSchemaHits) return false;
    if (hits / words.length < options.minDensity) return false;
  }
  const bigrams = words.slice(1).map((word, i) => `${words[i]} ${word}`);
  return new Set(bigrams).size / bigrams.length >= options.minDistinctBigrams;
}

/** The `k` entries of largest cosine, largest first; among equals those that came first. */
function nearestTo<E extends { vector: Float32Array }>(
  direction: Float32Array,
  entries: readonly E[],
  k: number,
): E[] {
  const found: { entry: E; cosine: number }[] = [];
  let least = -Infinity;
  for (const entry of entries) {
    const cosine = dot(entry.vector, direction);
    if (cosine <= least) continue;
    let at = found.length;
    while (at > 0 && found[at - 1]!.cosine < cosine) at--;
    found.splice(at, 0, { entry, cosine });
    if (found.length > k) found.pop();
    if (found.length === k) least = found[k - 1]!.cosine;
  }
  return found.map(({ entry }) => entry);
}

/** Verified thoughts with their vectors, in the order in which they came. */
export class ThoughtMemory {
  readonly #options: MemoryOptions;
  readonly #entries: (VerifiedThought & { vector: Float32Array })[] = [];

  constructor(options: MemoryOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.length;
  }

  /** Oldest first; vectors have length 1. */
  get entries(): readonly Readonly<VerifiedThought & { vector: Float32Array }>[] {
    return this.#entries;
  }

  /**
   * Cosine, in [−1, 1], of a vector with the centroid of the verified thoughts nearest to it; 0 where there are
   * none in scope, or no direction.
   */
  similarity(vector: Float32Array, db_id: string): number {
    const direction = unit(vector);
    if (!direction) return 0;
    const { scope, neighbours } = this.#options;
    const inScope =
      scope === 'all'
        ? this.#entries
        : this.#entries.filter((entry) => (entry.db_id === db_id) === (scope === 'same_db'));
    const sum = new Float32Array(direction.length);
    for (const { vector } of nearestTo(direction, inScope, neighbours)) {
      for (let i = 0; i < sum.length; i++) sum[i]! += vector[i]!;
    }
    const centroid = unit(sum);
    return centroid ? Math.max(-1, Math.min(1, dot(centroid, direction))) : 0;
  }

  /** Keeps a thought that is new; the quality gate is the caller's. Returns whether it was kept. */
  add({ text, db_id }: VerifiedThought, vector: Float32Array): boolean {
    const direction = unit(vector);
    const { novelty, capacity } = this.#options;
    if (!direction) return false;
    if (this.#entries.some((entry) => dot(entry.vector, direction) >= novelty)) return false;
    this.#entries.push({ text, db_id, vector: direction });
    if (this.#entries.length > capacity) this.#entries.shift();
    return true;
  }

  /** Takes up `entries` of another memory as they are. */
  restore(entries: readonly (VerifiedThought & { vector: Float32Array })[]): void {
    this.#entries.splice(0, Infinity, ...entries);
  }
}
