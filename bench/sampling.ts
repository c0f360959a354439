/** Sampling 64 tokens for groups of samples, with the cache and by running every text again per token. */
import { tf } from '#tfjs';
import { pack, toTensors } from '../src/core/model/pack.ts';
import { initPolicy, type Policy } from '../src/core/model/policy.ts';
import { draw, sample } from '../src/core/model/sample.ts';
import { Stream, tokenUniform } from '../src/core/random/stream.ts';
import * as ops from '../src/core/tensor/ops.ts';
import { take } from '../src/core/tensor/read.ts';
import { type BenchResult, forwardOperations, interleaved, MODEL } from './measure.ts';

const PROMPTS = 2;
const SAMPLES = 8;
const NEW_TOKENS = 64;
const REPEATS = 3;

const uniform = (prompt: number, index: number, position: number): number =>
  tokenUniform(1, 'bench/sampling', 0, prompt, index, position);

async function withCache(policy: Policy, prompts: Int32Array[]): Promise<number[][]> {
  const groups = await sample(policy, prompts, {
    ...{ num_generations: SAMPLES, max_completion_length: NEW_TOKENS, temperature: 1, top_p: 1 },
    eos_token_id: -1, // never: every sample has its 64 tokens
    uniform,
  });
  return groups.flat().map(({ tokens }) => [...tokens]);
}

/** All samples as one batch, padded to the longest, one forward pass for each new token. */
async function withoutCache(policy: Policy, prompts: Int32Array[]): Promise<number[][]> {
  const texts = prompts.flatMap((prompt) => Array.from({ length: SAMPLES }, () => [...prompt]));
  for (let position = 0; position < NEW_TOKENS; position++) {
    const rowLength = Math.max(...texts.map(({ length }) => length));
    const probs = tf.tidy(() => {
      const items = texts.map((text) => {
        const padded = new Int32Array(rowLength);
        padded.set(text);
        return { prompt: padded, completions: [] };
      });
      const { input } = toTensors(pack(items, { rowLength, multiple: 1 }));
      const ends = texts.map((text, row) => row * rowLength + text.length - 1);
      const last = ops.gatherRows(policy.hidden(input), tf.tensor1d(ends, 'int32'));
      return ops.softmaxEntropy(policy.logits(last), 1).probs;
    });
    const values = await take(probs);
    texts.forEach((text, row) => {
      const p = values.subarray(row * MODEL.vocab_size, (row + 1) * MODEL.vocab_size);
      text.push(draw(p, uniform(Math.floor(row / SAMPLES), row % SAMPLES, position), 1));
    });
  }
  return texts.map((text) => text.slice(-NEW_TOKENS));
}

export async function benchSampling(): Promise<BenchResult> {
  const stream = new Stream(1, 'bench/sampling');
  const prompts = [120, 150].map((length) =>
    Int32Array.from({ length }, () => stream.int(MODEL.vocab_size)),
  );
  const policy = initPolicy(MODEL, 1);
  if (String(await withCache(policy, prompts)) !== String(await withoutCache(policy, prompts))) {
    throw new Error('the rivals disagree on the samples');
  }
  const [ours, rival] = (await interleaved(
    REPEATS,
    () => withCache(policy, prompts),
    () => withoutCache(policy, prompts),
  )) as [number, number];
  policy.dispose();
  const written = PROMPTS * SAMPLES * NEW_TOKENS;
  const lengths = prompts.map(({ length }) => length);
  const causal = (n: number): number => (n * (n + 1)) / 2;
  const seen = lengths.reduce(
    (sum, n) => sum + causal(n) + SAMPLES * (causal(n + NEW_TOKENS) - causal(n)),
    0,
  );
  const tokens = lengths.reduce((sum, n) => sum + n, written);
  return {
    name: `sampling ${NEW_TOKENS} tokens, ${PROMPTS} prompts of ${SAMPLES} samples`,
    ratio: rival / ours,
    goal: 5,
    unit: 'tokens/s',
    ours: written / ours,
    rival: written / rival,
    against: 'running every text again for each token',
    gflops: forwardOperations(MODEL, { tokens, seen, predictions: written }) / ours / 1e9,
  };
}
