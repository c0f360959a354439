/**
 * What nobody can guess: pairs of letters. A hidden column is stored as its word and a pair, `price_zu`, a coded
 * value as a pair alone, `ba`. A pair is one token of the small policy's tokenizer wherever it stands, so that
 * copying it is copying one token.
 */
import type { Stream } from '../../../random/stream.ts';

const CONSONANTS = 'bdfgjklmnprstvwxz';

/** Without those that are words. */
export const PAIRS: readonly string[] = [...CONSONANTS]
  .flatMap((first) => [...'aeioukx'].map((second) => first + second))
  .filter((pair) => !['do', 'no', 'to', 'go'].includes(pair));

/** Deals pairs, none twice. */
export class Codes {
  readonly #left: string[];

  constructor(stream: Stream) {
    this.#left = stream.shuffle(PAIRS);
  }

  next(): string {
    const pair = this.#left.pop();
    if (pair === undefined) throw new RangeError('more codes wanted than there are');
    return pair;
  }
}
