/**
 * Batched sampling with a key–value cache. Prompts are read once and shared by their samples; finished
 * samples leave the batch. Every draw is keyed by (group, sample, position), so a sample does not
 * depend on which others are in its batch.
 */
import { tf, type Tensor1D, type Tensor2D } from '#tfjs';
import { log } from '../random/math.ts';
import * as ops from '../tensor/ops.ts';
import type { DecodeCache } from '../tensor/ops.ts';
import { take } from '../tensor/read.ts';
import { turn } from '../turn.ts';
import type { Policy } from './policy.ts';
import { PROMPT_MULTIPLE } from './shapes.ts';

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
  /** Hears the tokens of a prompt's samples when the last of them ends, others still being written. */
  onGroup?: (prompt: number, written: Pick<Completion, 'tokens' | 'terminated'>[]) => void;
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

interface Row {
  prompt: number;
  sample: number;
  tokens: number[];
  logProbs: number[];
  entropies: number[];
  terminated: boolean;
}

/** Entropies of one token of each of some rows, (R), not yet read. */
interface RowEntropies {
  rows: readonly Row[];
  values: Tensor1D;
}

/**
 * Completions of each prompt, `num_generations` each.
 * @throws StepSqlError when a prompt with the longest completion exceeds max_position_embeddings
 */
export async function sample(
  policy: Policy,
  prompts: Int32Array[],
  options: SampleOptions,
): Promise<Completion[][]> {
  const rows: Row[] = prompts.flatMap((_, prompt) =>
    Array.from({ length: options.num_generations }, (__, sample) => ({
      ...{ prompt, sample, tokens: [], logProbs: [], entropies: [], terminated: false },
    })),
  );
  if (rows.length > 0) {
    const longest = Math.max(...prompts.map(({ length }) => length));
    policy.checkLength(longest + options.max_completion_length);
    const caches: DecodeCache[] = [];
    const entropies: RowEntropies[] = [];
    try {
      await decodeAll(policy, prompts, rows, options, caches, entropies);
      await readEntropies(entropies);
    } finally {
      for (const { prompts, own, promptLength, promptOf } of caches) {
        tf.dispose([prompts, own, promptLength, promptOf]);
      }
      tf.dispose(entropies.map(({ values }) => values));
    }
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

/** @param caches filled, one per layer; the caller disposes them @param entropies likewise, one per token */
async function decodeAll(
  policy: Policy,
  prompts: Int32Array[],
  rows: Row[],
  options: SampleOptions,
  caches: DecodeCache[],
  entropies: RowEntropies[],
): Promise<void> {
  const temperature = options.temperature > 0 ? options.temperature : 1;
  let active = rows;
  const unfinished = new UnfinishedGroups(rows, options.onGroup);
  let logits = prefill(policy, prompts, rows, options.max_completion_length, caches);
  for (let step = 0; ; step++) {
    let next: number[];
    if (options.top_p === 1 && ops.fused()) {
      next = await drawRows(logits, active, step, options);
    } else {
      const { probs, entropies: values } = softmaxOf(logits, temperature);
      entropies.push({ rows: active, values });
      next = choose(await take(probs), active, step, options);
    }
    const last = step + 1 >= options.max_completion_length;
    unfinished.tell(last);
    const staying = rowsToKeep(active, rows.length);
    if (staying.length === 0 || last) break;
    await turn();
    if (staying.length < active.length) {
      keepRows(caches, staying);
      active = staying.map((i) => active[i]!);
    }
    const tokens = staying.map((i) => next[i]!);
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
}

/** Tells of groups as they end. */
class UnfinishedGroups {
  #groups: Row[][];
  readonly #onGroup: SampleOptions['onGroup'];

  constructor(rows: readonly Row[], onGroup: SampleOptions['onGroup']) {
    this.#onGroup = onGroup;
    this.#groups = [];
    if (onGroup) for (const row of rows) (this.#groups[row.prompt] ??= []).push(row);
  }

  /** @param all whatever is written so far is all there will be */
  tell(all: boolean): void {
    this.#groups = this.#groups.filter((group) => {
      if (!all && group.some(({ terminated }) => !terminated)) return true;
      const written = group.map(({ tokens, terminated }) => ({
        tokens: Int32Array.from(tokens),
        terminated,
      }));
      this.#onGroup!(group[0]!.prompt, written);
      return false;
    });
  }
}

/** Reads the prompts: fills one cache per layer; the logits after each sample's prompt (R, V). */
function prefill(
  policy: Policy,
  prompts: Int32Array[],
  rows: Row[],
  maximum: number,
  caches: DecodeCache[],
): Tensor2D {
  const longest = Math.max(...prompts.map(({ length }) => length));
  const promptRows = Math.ceil(longest / PROMPT_MULTIPLE) * PROMPT_MULTIPLE;
  const tokens = new Int32Array(prompts.length * promptRows);
  prompts.forEach((prompt, p) => tokens.set(prompt, p * promptRows));
  const position = tokens.map((_, i) => i % promptRows);
  const { headDim, heads, keyValueHeads } = policy.heads;
  const capacity = maximum;
  const width = capacity * (heads + 2 * keyValueHeads) * headDim;
  return tf.tidy(() => {
    const upload = (values: ArrayLike<number>): Tensor1D =>
      tf.tensor1d(Int32Array.from(values), 'int32');
    const promptLength = upload(prompts.map(({ length }) => length));
    const promptOf = upload(rows.map(({ prompt }) => prompt));
    const zeros = tf.zeros([tokens.length], 'int32') as Tensor1D;
    const visibility = { prefixStart: zeros, prefixEnd: zeros, segmentStart: zeros };
    const input = {
      tokens: upload(tokens),
      position: upload(position),
      visibility,
      batch: prompts.length,
    };
    const hidden = policy.hidden(input, (_, qkv) => {
      const own = tf.zeros([rows.length, width]) as Tensor2D;
      caches.push({ prompts: qkv, promptRows, promptLength, promptOf, own, capacity });
      for (const tensor of [qkv, own, promptLength, promptOf]) tf.keep(tensor);
    });
    const ends = rows.map(({ prompt }) => prompt * promptRows + prompts[prompt]!.length - 1);
    return policy.logits(ops.gatherRows(hidden, upload(ends)));
  });
}

/**
 * Rows that go on: those not finished. On WebGPU tfjs keeps a pool of buffers for every size it ever
 * met, so there finished rows ride along until half, a quarter, … of all rows is enough.
 */
function rowsToKeep(rows: readonly Row[], all: number): number[] {
  const alive = rows.filter(({ terminated }) => !terminated).length;
  if (alive === 0) return [];
  let size = all;
  while (Math.ceil(size / 2) >= alive && size > 1) size = Math.ceil(size / 2);
  let spare = tf.getBackend() === 'webgpu' ? Math.min(size, rows.length) - alive : 0;
  return rows.flatMap((row, i) => (!row.terminated || spare-- > 0 ? [i] : []));
}

/** Finished samples leave: the caches keep only the rows listed. */
function keepRows(caches: DecodeCache[], alive: number[]): void {
  tf.tidy(() => {
    const index = tf.tensor1d(alive, 'int32');
    const promptOf = tf.keep(tf.gather(caches[0]!.promptOf, index));
    caches[0]!.promptOf.dispose();
    for (const cache of caches) cache.promptOf = promptOf;
    for (const cache of caches) {
      const own = tf.keep(ops.gatherRows(cache.own, index));
      cache.own.dispose();
      cache.own = own;
    }
  });
}

/** Probabilities (R, V) and entropies (R); disposes the logits. */
function softmaxOf(
  logits: Tensor2D,
  temperature: number,
): { probs: Tensor2D; entropies: Tensor1D } {
  try {
    return tf.tidy(() => ops.softmaxEntropy(logits, temperature));
  } finally {
    logits.dispose();
  }
}

/**
 * One token per unfinished row, drawn where the logits (R, V) are, which are disposed: reading three numbers
 * a row instead of its probabilities. Returns the tokens.
 */
async function drawRows(
  logits: Tensor2D,
  rows: readonly Row[],
  step: number,
  options: SampleOptions,
): Promise<number[]> {
  const greedy = options.temperature === 0;
  const drawn = ((): Tensor2D => {
    try {
      return tf.tidy(() => {
        const uniforms = rows.map((row) =>
          greedy || row.terminated ? 0 : options.uniform(row.prompt, row.sample, step),
        );
        return ops.drawTokens(
          logits,
          tf.tensor1d(uniforms),
          greedy ? 1 : options.temperature,
          greedy,
        );
      });
    } finally {
      logits.dispose();
    }
  })();
  const values = await take(drawn);
  return rows.map((row, i) => {
    if (row.terminated) return options.eos_token_id; // rides along
    const token = values[i]!;
    row.tokens.push(token);
    row.logProbs.push(values[rows.length + i]!);
    row.entropies.push(values[2 * rows.length + i]!);
    if (token === options.eos_token_id) row.terminated = true;
    return token;
  });
}

/** Draws one token per unfinished row from probs (R, V), records it, and returns the tokens. */
function choose(probs: Float32Array, rows: Row[], step: number, options: SampleOptions): number[] {
  const vocabulary = probs.length / rows.length;
  return rows.map((row, i) => {
    if (row.terminated) return options.eos_token_id; // rides along
    const p = probs.subarray(i * vocabulary, (i + 1) * vocabulary);
    const token =
      options.temperature === 0
        ? argmax(p)
        : draw(p, options.uniform(row.prompt, row.sample, step), options.top_p);
    row.tokens.push(token);
    row.logProbs.push(log(p[token]!));
    if (token === options.eos_token_id) row.terminated = true;
    return token;
  });
}

/** Read once all tokens are written: on a GPU every read waits for all work before it. */
async function readEntropies(steps: readonly RowEntropies[]): Promise<void> {
  if (steps.length === 0) return;
  const all = await take(tf.concat1d(steps.map(({ values }) => values)));
  let next = 0;
  for (const { rows } of steps) {
    for (const row of rows) {
      const entropy = all[next++]!;
      if (row.entropies.length < row.tokens.length) row.entropies.push(entropy);
    }
  }
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
