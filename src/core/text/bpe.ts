/**
 * Byte-level byte-pair encoding, trained: Sennrich et al. 2016 (1508.07909) on GPT-2's byte alphabet.
 * The result is a Hugging Face `tokenizer.json`, read back by `tokenizer.ts` like any other.
 */
import { SplitPreTokenizer } from '@huggingface/tokenizers';
import { badInput } from '../errors.ts';
import { BYTE_TO_CHAR } from './bytes.ts';

/**
 * How text is cut before merging; merges never cross a cut. In order: a word with the space or
 * underscore before it (" SELECT", " singer", "_id"), one digit (as Qwen), "(*)", a comparison, any
 * other sign with the space before it and the line break after it, line breaks, other space.
 * Unlike GPT-2's and Qwen's there are no English contractions ('sales' would lose its s) and signs do
 * not join each other or the word behind them, so "(", "," and names come out the same everywhere.
 */
export const SQL_PATTERN =
  ' ?_?\\p{L}[\\p{L}\\p{M}]*|\\p{N}|\\(\\*\\)| ?[<>!=|]+|' +
  ' ?[^\\s\\p{L}\\p{N}][\\r\\n]*|[\\r\\n]+|\\s+(?!\\S)|\\s+';

export interface BpeOptions {
  /** Entries in all: special tokens, 256 bytes, merges. Fewer when the corpus gives no more pairs. */
  vocabSize: number;
  /** The first ids, in this order. Default: `<|pad|>`, `<|endoftext|>`. */
  specialTokens?: readonly string[];
  /** Special token that ends a completion. Default `<|endoftext|>`. */
  eosToken?: string;
  /** Default `<|pad|>`. */
  padToken?: string;
  /** Pairs seen less often are not merged. Default 2. */
  minFrequency?: number;
  /** Pre-tokenisation, as Oniguruma reads it (Hugging Face's `Split`). Default `SQL_PATTERN`. */
  pattern?: string;
}

/** The two files of a tokenizer in Hugging Face layout, as text. */
export interface TokenizerFiles {
  'tokenizer.json': string;
  'tokenizer_config.json': string;
}

/** A pair as one number; ids stay far below 2^21. Also the order that breaks ties. */
const PAIR_BASE = 0x200000;

interface Candidate {
  count: number;
  pair: number;
}

const before = (a: Candidate, b: Candidate): boolean =>
  a.count !== b.count ? a.count > b.count : a.pair < b.pair;

/** Binary heap, most frequent pair first, then lowest (left id, right id). */
class PairQueue {
  readonly #heap: Candidate[] = [];

  push(item: Candidate): void {
    const heap = this.#heap;
    let i = heap.push(item) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(item, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = item;
  }

  pop(): Candidate | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return top;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
    return top;
  }
}

/** Counts of pre-tokens over the corpus, in order of first appearance. */
function countPieces(texts: Iterable<string>, pattern: string): Map<string, number> {
  let split: SplitPreTokenizer;
  try {
    split = new SplitPreTokenizer({
      type: 'Split',
      pattern: { Regex: pattern },
      behavior: 'Isolated',
      invert: false,
    });
  } catch {
    throw badInput('pattern', pattern, 'a regular expression');
  }
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const piece of split.pre_tokenize_text(text)) {
      counts.set(piece, (counts.get(piece) ?? 0) + 1);
    }
  }
  return counts;
}

/** Joins every (left, right) in a word; returns the shorter word. */
function joinPair(word: number[], left: number, right: number, joined: number): number[] {
  const result: number[] = [];
  for (let i = 0; i < word.length; i++) {
    if (word[i] === left && word[i + 1] === right) {
      result.push(joined);
      i++;
    } else {
      result.push(word[i]!);
    }
  }
  return result;
}

/**
 * Learns merges on words of token ids and appends what they make to `tokens`, up to `vocabSize`. Two
 * merges may spell the same token ("a"+"bc", "ab"+"c"): the second reuses its id.
 */
function learnMerges(
  words: number[][],
  counts: number[],
  tokens: string[],
  { vocabSize, minFrequency }: { vocabSize: number; minFrequency: number },
): [left: string, right: string][] {
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const pairCounts = new Map<number, number>();
  const pairWords = new Map<number, Set<number>>();
  const change = (word: number[], index: number, sign: 1 | -1): void => {
    const weight = sign * counts[index]!;
    for (let i = 0; i + 1 < word.length; i++) {
      const pair = word[i]! * PAIR_BASE + word[i + 1]!;
      pairCounts.set(pair, (pairCounts.get(pair) ?? 0) + weight);
      if (sign < 0) continue;
      const where = pairWords.get(pair);
      if (where) where.add(index);
      else pairWords.set(pair, new Set([index]));
    }
  };
  words.forEach((word, index) => change(word, index, 1));

  const queue = new PairQueue();
  for (const [pair, count] of pairCounts) queue.push({ count, pair });
  const merges: [string, string][] = [];
  while (tokens.length < vocabSize) {
    const best = queue.pop();
    if (best === undefined) break;
    const count = pairCounts.get(best.pair) ?? 0;
    if (count < best.count) {
      // The count fell while the pair waited: put it back where it now belongs.
      if (count > 0) queue.push({ count, pair: best.pair });
      continue;
    }
    if (count < minFrequency) break;
    const left = Math.floor(best.pair / PAIR_BASE);
    const right = best.pair % PAIR_BASE;
    const token = tokens[left]! + tokens[right]!;
    let joined = ids.get(token);
    if (joined === undefined) {
      joined = tokens.push(token) - 1;
      ids.set(token, joined);
    }
    merges.push([tokens[left]!, tokens[right]!]);
    const changed = new Set<number>();
    for (const index of pairWords.get(best.pair) ?? []) {
      const word = words[index]!;
      const shorter = joinPair(word, left, right, joined);
      if (shorter.length === word.length) continue;
      change(word, index, -1);
      change(shorter, index, 1);
      words[index] = shorter;
      for (let i = 0; i + 1 < shorter.length; i++) {
        if (shorter[i] === joined || shorter[i + 1] === joined) {
          changed.add(shorter[i]! * PAIR_BASE + shorter[i + 1]!);
        }
      }
    }
    pairCounts.delete(best.pair);
    pairWords.delete(best.pair);
    for (const pair of changed) queue.push({ count: pairCounts.get(pair)!, pair });
  }
  return merges;
}

function checkOptions(options: BpeOptions, special: readonly string[]): void {
  if (new Set(special).size !== special.length || special.includes('')) {
    throw badInput('specialTokens', special, 'different, non-empty strings');
  }
  const least = special.length + 256;
  const { vocabSize } = options;
  if (!Number.isInteger(vocabSize) || vocabSize < least || vocabSize >= PAIR_BASE) {
    throw badInput('vocabSize', vocabSize, `an integer from ${least} to ${PAIR_BASE - 1}`);
  }
  const minFrequency = options.minFrequency ?? 2;
  if (!Number.isInteger(minFrequency) || minFrequency < 1) {
    throw badInput('minFrequency', minFrequency, 'an integer ≥ 1');
  }
}

function specialToken(field: string, token: string, special: readonly string[]): string {
  if (special.includes(token)) return token;
  throw badInput(field, token, `one of specialTokens: ${special.join(', ')}`);
}

/**
 * Trains a tokenizer. The same texts and options give the same files on every engine: the most
 * frequent pair is merged first, ties going to the lowest (left id, right id) as in Hugging Face's
 * trainer. Ids: special tokens, the 256 bytes in order, then merges in the order learnt.
 * @throws StepSqlError on options out of range
 */
export function trainBpe(texts: Iterable<string>, options: BpeOptions): TokenizerFiles {
  const special = options.specialTokens ?? ['<|pad|>', '<|endoftext|>'];
  checkOptions(options, special);
  const eosToken = specialToken('eosToken', options.eosToken ?? '<|endoftext|>', special);
  const padToken = specialToken('padToken', options.padToken ?? '<|pad|>', special);
  const pattern = options.pattern ?? SQL_PATTERN;

  const pieces = countPieces(texts, pattern);
  const encoder = new TextEncoder();
  const words: number[][] = [];
  for (const piece of pieces.keys()) {
    words.push(Array.from(encoder.encode(piece), (byte) => special.length + byte));
  }
  const tokens = [...special, ...BYTE_TO_CHAR];
  const merges = learnMerges(words, [...pieces.values()], tokens, {
    vocabSize: options.vocabSize,
    minFrequency: options.minFrequency ?? 2,
  });
  return tokenizerFiles(tokens, merges, special, { pattern, eosToken, padToken });
}

function tokenizerFiles(
  tokens: readonly string[],
  merges: readonly [string, string][],
  special: readonly string[],
  { pattern, eosToken, padToken }: { pattern: string; eosToken: string; padToken: string },
): TokenizerFiles {
  const byteLevel = {
    type: 'ByteLevel',
    add_prefix_space: false,
    trim_offsets: false,
    use_regex: false,
  };
  const tokenizer = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: special.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false },
        byteLevel,
      ],
    },
    post_processor: byteLevel,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: '',
      end_of_word_suffix: '',
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  };
  const config = {
    tokenizer_class: 'PreTrainedTokenizerFast',
    bos_token: null,
    eos_token: eosToken,
    pad_token: padToken,
    unk_token: null,
    clean_up_tokenization_spaces: false,
  };
  return {
    'tokenizer.json': JSON.stringify(tokenizer),
    'tokenizer_config.json': JSON.stringify(config),
  };
}
