/**
 * Batched sampling with a key–value cache. Prompts are read once and shared by their samples; finished
 * samples leave the batch. Every draw is keyed by (group, sample, position), so a sample does not
 * depend on which others are in its batch.
 *
 * With an environment a completion is a dialogue: what the environment answers to a turn is read token by
 * token into the same cache, while other samples go on writing.
 */
import { tf, type Tensor1D, type Tensor2D } from '#tfjs';
import { log } from '../random/math.ts';
import * as ops from '../tensor/ops.ts';
import type { DecodeCache } from '../tensor/ops.ts';
import { take } from '../tensor/read.ts';
import { turn } from '../turn.ts';
import type { Policy } from './policy.ts';
import {
  answerTurns,
  newRow,
  over,
  readOn,
  UnfinishedGroups,
  write,
  type Environment,
  type Row,
} from './sample-rows.ts';
import { PROMPT_MULTIPLE } from './shapes.ts';

export type { EndedTurn, Environment } from './sample-rows.ts';

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
  /** Answers turns; without it the first end-of-sequence token ends the completion. */
  environment?: Environment;
}

export interface Completion {
  /** Written tokens, end-of-sequence tokens included, and what an environment answered. */
  tokens: Int32Array;
  /** 1 = written, 0 = answered by the environment. */
  mask: Uint8Array;
  /** Log-probability of each under softmax(logits / temperature) (temperature 1 when greedy); 0 where not written. */
  logProbs: Float32Array;
  /** Entropy of that distribution in nats; 0 where not written. */
  entropies: Float32Array;
  /** Ended by itself, or by the environment: not at the length limit. */
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
    Array.from({ length: options.num_generations }, (__, sample) => newRow(prompt, sample)),
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
        mask: Uint8Array.from(row.mask),
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
    if (options.environment) await answerTurns(active, options, options.environment);
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
  const alive = rows.filter((row) => !over(row)).length;
  if (alive === 0) return [];
  let size = all;
  while (Math.ceil(size / 2) >= alive && size > 1) size = Math.ceil(size / 2);
  let spare = tf.getBackend() === 'webgpu' ? Math.min(size, rows.length) - alive : 0;
  return rows.flatMap((row, i) => (!over(row) || spare-- > 0 ? [i] : []));
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
          greedy || over(row) || row.unread.length > 0
            ? 0
            : options.uniform(row.prompt, row.sample, step),
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
    if (over(row)) return options.eos_token_id; // rides along
    const read = readOn(row);
    if (read !== undefined) {
      row.entropies.push(0);
      return read;
    }
    const token = values[i]!;
    write(row, token, values[rows.length + i]!, options);
    row.entropies.push(values[2 * rows.length + i]!);
    return token;
  });
}

/** Draws one token per unfinished row from probs (R, V), records it, and returns the tokens. */
function choose(probs: Float32Array, rows: Row[], step: number, options: SampleOptions): number[] {
  const vocabulary = probs.length / rows.length;
  return rows.map((row, i) => {
    if (over(row)) return options.eos_token_id; // rides along
    const read = readOn(row);
    if (read !== undefined) return read;
    const p = probs.subarray(i * vocabulary, (i + 1) * vocabulary);
    const token =
      options.temperature === 0
        ? argmax(p)
        : draw(p, options.uniform(row.prompt, row.sample, step), options.top_p);
    write(row, token, log(p[token]!), options);
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
      const at = row.entropies.length;
      if (at < row.tokens.length) row.entropies.push(row.mask[at] ? entropy : 0);
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
