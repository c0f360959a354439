/**
 * Names and spellings that mean nothing: a letter and an ending of two letters. The ending is one token of the
 * small policy's tokenizer wherever it stands, after a space, a quote or a bracket, so that copying a code is
 * copying one token.
 */
import type { Stream } from '../../../random/stream.ts';

const CONSONANTS = 'bdfgjklmnprstvwxz';
const VOWELS = 'aeiou';

/** Endings of codes, `_ba` to `_zu`, and those without a vowel between: each task draws its own. */
export const ENDINGS: readonly string[] = [...CONSONANTS].flatMap((first) =>
  [...VOWELS, 'k', 'x'].map((second) => `_${first}${second}`),
);

/** Deals endings, none twice. */
export class Codes {
  readonly #left: string[];

  constructor(stream: Stream) {
    this.#left = stream.shuffle(ENDINGS);
  }

  /** The name of a column. */
  column(): string {
    return `c${this.#next()}`;
  }

  /** The stored spelling of a value. */
  value(): string {
    return `v${this.#next()}`;
  }

  #next(): string {
    const ending = this.#left.pop();
    if (ending === undefined) throw new RangeError('more codes wanted than there are');
    return ending;
  }
}
