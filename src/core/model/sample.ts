/**
 * Batched sampling with a key–value cache. Prompts are read once and shared by their samples; finished
 * samples leave the batch. Every draw is keyed by (group, sample, position), so a sample does not
 * depend on which others are in its batch.
 */
import { tf, type Tensor1D, type Tensor2D } from '#tfjs';
import { log } from '../random/math.ts';
import * as ops from '../tensor/ops.ts';
import type { DecodeCache } from '../tensor/ops.ts';
import type { Policy } from './policy.ts';

export interface SampleOptions {
  /** Samples per prompt. */
  num_generations: number;
  max_completion_length: number;
  /** 0 is greedy. */
  temperature: number;
  /** Nucleus sampling (Holtzman et al. 2020); 1 keeps the whole distribution. */
  top_p: number;
  /** Ends a completion; it is kept as its last token. */
  eos_token_id: number;
  /** Uniform in [0, 1) for one token. */
  uniform: (prompt: number, sample: number, position: number) => number;
}

export interface Completion {
  /** Written tokens, the end-of-sequence token included when `terminated`. */
  tokens: Int32Array;
  /** Log-probability of each under softmax(logits / temperature) (temperature 1 when greedy). */
  logProbs: Float32Array;
  /** Entropy of that distribution in nats. */
  entropies: Float32Array;
  terminated: boolean;
}

/** Prompt rows are padded to a multiple of this: few shapes. */
const PROMPT_MULTIPLE = 16;

interface Row {
  prompt: number;
  sample: number;
  tokens: number[];
  logProbs: number[];
  entropies: number[];
  terminated: boolean;
}

/**
 * Completions of each prompt, `num_generations` each.
 * @throws StepSqlError when a prompt with the longest completion exceeds max_position_embeddings
 */
export function sample(
  policy: Policy,
  prompts: Int32Array[],
  options: SampleOptions,
): Completion[][] {
  const rows: Row[] = prompts.flatMap((_, prompt) =>
    Array.from({ length: options.num_generations }, (__, sample) => ({
      ...{ prompt, sample, tokens: [], logProbs: [], entropies: [], terminated: false },
    })),
  );
  if (rows.length > 0) {
    const longest = Math.max(...prompts.map(({ length }) => length));
    policy.checkLength(longest + options.max_completion_length);
    decodeAll(policy, prompts, rows, options);
  }
  return prompts.map((_, prompt) =>
    rows
      .filter((row) => row.prompt === prompt)
      .map((row) => ({
        tokens: Int32Array.from(row.tokens),
        logProbs: Float32Array.from(row.logProbs),
        entropies: Float32Array.from(row.entropies),
        terminated: row.terminated,
      })),
  );
}

function decodeAll(
  policy: Policy,
  prompts: Int32Array[],
  rows: Row[],
  options: SampleOptions,
): void {
  const temperature = options.temperature > 0 ? options.temperature : 1;
  const { caches, last } = prefill(policy, prompts, rows, options.max_completion_length);
  let active = rows;
  let logits = last;
  for (let step = 0; ; step++) {
    const next = choose(logits, active, step, temperature, options);
    logits.dispose();
    const alive = active.map((row, i) => (row.terminated ? -1 : i)).filter((i) => i >= 0);
    if (alive.length === 0 || step + 1 >= options.max_completion_length) break;
    if (alive.length < active.length) {
      keepRows(caches, alive);
      active = alive.map((i) => active[i]!);
    }
    const tokens = alive.map((i) => next[i]!);
    logits = tf.tidy(() => {
      const position = active.map((row) => prompts[row.prompt]!.length + step);
      const hidden = policy.decode(
        tf.tensor1d(tokens, 'int32'),
        tf.tensor1d(position, 'int32'),
        (layer, qkv) => {
          const cache = caches[layer]!;
          const before = cache.own;
          const mixed = ops.attentionDecode(qkv, cache, step, policy.heads);
          if (cache.own !== before) tf.keep(cache.own);
          return mixed;
        },
      );
      return policy.logits(hidden);
    });
  }
  for (const [layer, cache] of caches.entries()) {
    cache.prompts.dispose();
    cache.own.dispose();
    if (layer === 0) {
      cache.promptLength.dispose();
      cache.promptOf.dispose();
    }
  }
}

/** Reads the prompts: one cache per layer and the logits after each sample's prompt (R, V). */
function prefill(
  policy: Policy,
  prompts: Int32Array[],
  rows: Row[],
  maximum: number,
): { caches: DecodeCache[]; last: Tensor2D } {
  const longest = Math.max(...prompts.map(({ length }) => length));
  const promptRows = Math.ceil(longest / PROMPT_MULTIPLE) * PROMPT_MULTIPLE;
  const tokens = new Int32Array(prompts.length * promptRows);
  prompts.forEach((prompt, p) => tokens.set(prompt, p * promptRows));
  const position = tokens.map((_, i) => i % promptRows);
  const promptLength = tf.tensor1d(
    prompts.map(({ length }) => length),
    'int32',
  );
  const promptOf = tf.tensor1d(
    rows.map(({ prompt }) => prompt),
    'int32',
  );
  const { headDim, heads, keyValueHeads } = policy.heads;
  const capacity = maximum;
  const width = capacity * (heads + 2 * keyValueHeads) * headDim;
  const caches: DecodeCache[] = [];
  const last = tf.tidy(() => {
    const zeros = tf.zeros([tokens.length], 'int32') as Tensor1D;
    const visibility = { prefixStart: zeros, prefixEnd: zeros, segmentStart: zeros };
    const input = {
      tokens: tf.tensor1d(tokens, 'int32'),
      position: tf.tensor1d(position, 'int32'),
      visibility,
      batch: prompts.length,
    };
    const hidden = policy.hidden(input, (_, qkv) => {
      const own = tf.keep(tf.zeros([rows.length, width])) as Tensor2D;
      caches.push({ prompts: tf.keep(qkv), promptRows, promptLength, promptOf, own, capacity });
    });
    const ends = rows.map(({ prompt }) => prompt * promptRows + prompts[prompt]!.length - 1);
    return policy.logits(ops.gatherRows(hidden, tf.tensor1d(ends, 'int32')));
  });
  return { caches, last };
}

/** Finished samples leave: the caches keep only the rows listed. */
function keepRows(caches: DecodeCache[], alive: number[]): void {
  const index = tf.tensor1d(alive, 'int32');
  const old = caches[0]!.promptOf;
  const promptOf = tf.gather(old, index);
  for (const cache of caches) {
    const own = tf.tidy(() => ops.gatherRows(cache.own, index));
    cache.own.dispose();
    cache.own = own;
    cache.promptOf = promptOf;
  }
  old.dispose();
  index.dispose();
}

/** Draws one token per row, records it, and returns the tokens. */
function choose(
  logits: Tensor2D,
  rows: Row[],
  step: number,
  temperature: number,
  options: SampleOptions,
): number[] {
  // Arrays are read outside the tidy scope, which would walk them element by element.
  const result = tf.tidy(() => ops.softmaxEntropy(logits, temperature));
  const probs = result.probs.dataSync() as Float32Array;
  const entropies = result.entropies.dataSync() as Float32Array;
  tf.dispose([result.probs, result.entropies]);
  const vocabulary = logits.shape[1];
  return rows.map((row, i) => {
    const p = probs.subarray(i * vocabulary, (i + 1) * vocabulary);
    const token =
      options.temperature === 0
        ? argmax(p)
        : draw(p, options.uniform(row.prompt, row.sample, step), options.top_p);
    row.tokens.push(token);
    row.logProbs.push(log(p[token]!));
    row.entropies.push(entropies[i]!);
    if (token === options.eos_token_id) row.terminated = true;
    return token;
  });
}

function argmax(p: Float32Array): number {
  let best = 0;
  for (let i = 1; i < p.length; i++) if (p[i]! > p[best]!) best = i;
  return best;
}

/** Inverse CDF over the vocabulary, or over its nucleus: the likeliest tokens that reach top_p. */
export function draw(p: Float32Array, uniform: number, topP: number): number {
  if (topP < 1) {
    const order = Array.from(p.keys()).sort((a, b) => p[b]! - p[a]! || a - b);
    let kept = 0;
    let mass = 0;
    while (kept < order.length && mass < topP) mass += p[order[kept++]!]!;
    let left = uniform * mass;
    for (let i = 0; i < kept; i++) {
      left -= p[order[i]!]!;
      if (left < 0) return order[i]!;
    }
    return order[kept - 1]!;
  }
  let total = 0;
  for (let i = 0; i < p.length; i++) total += p[i]!; // indexed: iterators are several times slower
  let left = uniform * total;
  for (let i = 0; i < p.length; i++) {
    left -= p[i]!;
    if (left < 0) return i;
  }
  return argmax(p);
}
