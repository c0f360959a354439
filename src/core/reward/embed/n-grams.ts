/**
 * Hashed character n-grams: an embedder without a model, the same everywhere. Texts are alike as far as they share
 * pieces of words (Weinberger et al. 2009, feature hashing with signs).
 */
import type { Embedder } from './embedder.ts';
import { unit } from './embedder.ts';

const SHORTEST = 3;
const LONGEST = 5;

/** FNV-1a with a final mix: its low bits alone are close to each other. */
function hash(text: string, start: number, end: number): number {
  let h = 0x811c9dc5;
  for (let i = start; i < end; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  return (h ^ (h >>> 13)) >>> 0;
}

/** @param dimensions length of the vectors, a power of two */
export function nGramEmbedder(dimensions = 512): Embedder {
  const embed = (text: string): Float32Array => {
    const padded = ` ${text.toLowerCase().replace(/\s+/g, ' ').trim()} `;
    const counts = new Float32Array(dimensions);
    for (let n = SHORTEST; n <= LONGEST; n++) {
      for (let i = 0; i + n <= padded.length; i++) {
        const h = hash(padded, i, i + n);
        counts[h & (dimensions - 1)]! += h & 0x8000_0000 ? 1 : -1;
      }
    }
    // What comes again counts less each time.
    const damped = counts.map((count) => Math.sign(count) * Math.sqrt(Math.abs(count)));
    return unit(damped) ?? damped;
  };
  return { name: 'n-grams', embed: (texts) => Promise.resolve(texts.map(embed)) };
}
