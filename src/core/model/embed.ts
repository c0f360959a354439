/**
 * The policy as an embedder: the mean over a text's tokens of the states after the final norm. They
 * share a large part: to be centred (reward/embed/centred.ts).
 */
import { tf } from '#tfjs';
import type { Embedder } from '../reward/embed/embedder.ts';
import * as ops from '../tensor/ops.ts';
import { take } from '../tensor/read.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import { pack, toTensors } from './pack.ts';
import type { Policy } from './policy.ts';

/** Texts read together. */
const BATCH = 64;
/** Tokens of a text that are read. */
const MAX_TOKENS = 512;

/** @param policy stays the caller's; its parameters are read whenever texts are embedded */
export function policyEmbedder(policy: Policy, tokenizer: Tokenizer): Embedder {
  const { max_position_embeddings: positions, hidden_size: width } = policy.config;
  const limit = Math.min(MAX_TOKENS, positions - 1);
  const embed = async (texts: readonly string[]): Promise<Float32Array[]> => {
    const tokens = texts.map((text) => tokenizer.encode(text).subarray(0, limit));
    // A row for each token that another follows: one more at the end, and every token of the text has one.
    const items = tokens.map((ids) => ({
      prompt: Int32Array.of(ids[0] ?? 0),
      completions: [Int32Array.of(...ids.subarray(1), 0)],
    }));
    const states = await take(
      tf.tidy(() => {
        const { input, rows } = toTensors(pack(items));
        return ops.gatherRows(policy.hidden(input), rows);
      }),
    );
    let row = 0;
    return tokens.map(({ length }) => {
      const sums = new Float64Array(width);
      const count = Math.max(1, length);
      for (let i = 0; i < count; i++, row++) {
        for (let d = 0; d < width; d++) sums[d]! += states[row * width + d]!;
      }
      return Float32Array.from(sums, (sum) => sum / count);
    });
  };
  return {
    name: 'policy',
    async embed(texts) {
      const vectors: Float32Array[] = [];
      for (let start = 0; start < texts.length; start += BATCH) {
        vectors.push(...(await embed(texts.slice(start, start + BATCH))));
      }
      return vectors;
    },
  };
}
