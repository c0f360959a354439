import type { MemoryOptions } from '../memory.ts';
import type { Embedder } from './embedder.ts';
import { nGramEmbedder } from './n-grams.ts';
import { sentenceEmbedder } from './sentence.ts';

/** The embedder that options name, where it needs no policy. */
export async function textEmbedder(
  options: Pick<MemoryOptions, 'embedder' | 'model' | 'pooling'>,
): Promise<Embedder | undefined> {
  if (options.embedder === 'n-grams') return nGramEmbedder();
  return options.embedder === 'sentence' ? sentenceEmbedder(options) : undefined;
}
