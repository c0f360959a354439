/**
 * A sentence-embedding model in ONNX through `@huggingface/transformers`, an optional peer dependency that is
 * loaded when asked for. FINER-SQL used Qwen3-Embedding-0.6B:
 * `onnx-community/Qwen3-Embedding-0.6B-ONNX` with `last_token`.
 */
import { StepSqlError } from '../../errors.ts';
import type { Embedder } from './embedder.ts';

interface FeatureTensor {
  data: ArrayLike<number>;
  /** Texts, length of a vector. */
  dims: readonly number[];
}

type Extract = (
  texts: string[],
  options: { pooling: string; normalize: boolean },
) => Promise<FeatureTensor>;

/** What is used of `@huggingface/transformers`. */
export interface Transformers {
  pipeline(task: 'feature-extraction', model: string): Promise<Extract>;
}

export interface SentenceOptions {
  /** On the hub, or a folder. */
  model: string;
  pooling: 'mean' | 'cls' | 'last_token';
}

export const SENTENCE_MODEL: SentenceOptions = {
  model: 'Xenova/all-MiniLM-L6-v2',
  pooling: 'mean',
};

const PACKAGE = '@huggingface/transformers';
const BATCH = 32;

/** By a name that bundlers do not follow: where the package is missing, nothing else breaks. */
const load = (): Promise<Transformers> =>
  import(/* @vite-ignore */ PACKAGE) as Promise<Transformers>;

/** @throws StepSqlError `unavailable` where the package or the model cannot be loaded */
export async function sentenceEmbedder(
  { model, pooling }: SentenceOptions = SENTENCE_MODEL,
  transformers: () => Promise<Transformers> = load,
): Promise<Embedder> {
  const because = (what: string, error: unknown): StepSqlError =>
    new StepSqlError('unavailable', `${what} (${(error as Error).message})`);
  const { pipeline } = await transformers().catch((error: unknown) => {
    throw because(`sentence embeddings need the package: npm install ${PACKAGE}`, error);
  });
  const extract = await pipeline('feature-extraction', model).catch((error: unknown) => {
    throw because(`embedding model ${model} cannot be loaded`, error);
  });
  return {
    name: `sentence:${model}`,
    async embed(texts) {
      const vectors: Float32Array[] = [];
      for (let start = 0; start < texts.length; start += BATCH) {
        const batch = texts.slice(start, start + BATCH);
        const { data, dims } = await extract(batch, { pooling, normalize: true });
        const all = Float32Array.from(data);
        const width = dims.at(-1)!;
        batch.forEach((_, i) => vectors.push(all.slice(i * width, (i + 1) * width)));
      }
      return vectors;
    },
  };
}
