/**
 * Text ↔ token ids, from a Hugging Face `tokenizer.json`: ours (`bpe.ts`) and published ones. The
 * library `@huggingface/tokenizers` defines the result; byte-level BPE (ours, GPT-2, Qwen, Llama 3)
 * additionally remembers the ids of each pre-token, which makes short texts many times faster.
 */
import { Tokenizer as Library, SplitPreTokenizer } from '@huggingface/tokenizers';
import { badInput, StepSqlError } from '../errors.ts';
import { fromByteChars, toByteChars } from './bytes.ts';
import type { TokenizerFiles } from './bpe.ts';

interface AddedTokenJson {
  id: number;
  content: string;
  special?: boolean;
  single_word?: boolean;
  lstrip?: boolean;
  rstrip?: boolean;
  normalized?: boolean;
}

/** The parts of `tokenizer.json` read here; the library checks the rest. */
interface TokenizerJson {
  added_tokens: AddedTokenJson[];
  normalizer: { type: string } | null;
  pre_tokenizer: PreTokenizerJson | null;
  decoder: { type: string } | null;
  model: { type?: string; [key: string]: unknown };
}

interface PreTokenizerJson {
  type: string;
  pretokenizers?: PreTokenizerJson[];
  pattern?: { Regex?: string; String?: string };
  behavior?: string;
  invert?: boolean;
  add_prefix_space?: boolean;
  use_regex?: boolean;
}

/** Pre-tokens remembered before the memory starts afresh. */
const CACHE_LIMIT = 200_000;

/** GPT-2's own pattern: what `ByteLevel` splits by when `use_regex` is on. */
const GPT2_PATTERN =
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

function parse(file: string, text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw badInput(file, text.slice(0, 60), 'valid JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badInput(file, value, 'a JSON object');
  }
  return value as Record<string, unknown>;
}

function checkAddedTokens(value: unknown): void {
  const field = 'tokenizer.json: added_tokens';
  if (!Array.isArray(value)) throw badInput(field, value, 'a list');
  value.forEach((token: Partial<AddedTokenJson> | null, i) => {
    if (typeof token?.content !== 'string' || token.content === '') {
      throw badInput(`${field}[${i}].content`, token?.content, 'a non-empty string');
    }
    if (!Number.isInteger(token.id) || token.id! < 0 || token.id! > 0xffffff) {
      throw badInput(`${field}[${i}].id`, token.id, 'an integer from 0 to 16777215');
    }
  });
}

/**
 * The pattern pre-tokens are cut by when this is byte-level BPE of the plain kind, whose pre-tokens
 * are encoded independently of each other; undefined sends every text through the library.
 */
function bytePattern(json: TokenizerJson): string | undefined {
  const { model, normalizer, pre_tokenizer: pre, decoder } = json;
  if (model.type !== 'BPE' || decoder?.type !== 'ByteLevel') return undefined;
  if (normalizer !== null && normalizer.type !== 'NFC') return undefined;
  if (json.added_tokens.some((t) => t.lstrip || t.rstrip || t.normalized !== false)) {
    return undefined;
  }
  const parts = pre?.type === 'Sequence' ? (pre.pretokenizers ?? []) : pre ? [pre] : [];
  const last = parts.at(-1);
  if (last?.type !== 'ByteLevel' || last.add_prefix_space) return undefined;
  if (parts.length === 1) return last.use_regex === false ? undefined : GPT2_PATTERN;
  const [split] = parts;
  const plain = split?.type === 'Split' && split.behavior === 'Isolated' && !split.invert;
  if (parts.length !== 2 || !plain || last.use_regex !== false) return undefined;
  return split.pattern?.Regex;
}

/** `eos_token` and its like are a string or an added token written out. */
function tokenName(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  const content = (value as { content?: unknown } | null | undefined)?.content;
  return typeof content === 'string' ? content : undefined;
}

export class Tokenizer {
  /** The files this tokenizer was read from, to be saved beside a checkpoint. */
  readonly files: TokenizerFiles;
  /** One more than the highest id: rows the embedding needs. */
  readonly vocabSize: number;
  /** Ends a text; from tokenizer_config.json, as `padId` and `bosId`. Null where it names none. */
  readonly eosId: number | null;
  readonly padId: number | null;
  readonly bosId: number | null;
  readonly #library: Library;
  readonly #normalize: boolean;
  readonly #split: SplitPreTokenizer | undefined;
  readonly #addedPattern: RegExp | undefined;
  readonly #added = new Map<string, number>();
  readonly #special = new Set<number>();
  readonly #bytes: Uint8Array[] = [];
  #cache = new Map<string, number[]>();

  /**
   * @param tokenizerJson text of `tokenizer.json`
   * @param configJson text of `tokenizer_config.json`; without it there are no special ids
   * @throws StepSqlError when a file is malformed
   */
  constructor(tokenizerJson: string, configJson = '{}') {
    this.files = { 'tokenizer.json': tokenizerJson, 'tokenizer_config.json': configJson };
    const parsed = parse('tokenizer.json', tokenizerJson);
    const config = parse('tokenizer_config.json', configJson);
    checkAddedTokens(parsed['added_tokens']);
    const json = parsed as unknown as TokenizerJson;
    try {
      this.#library = new Library(json, config);
      const pattern = bytePattern(json);
      if (pattern !== undefined) {
        this.#split = new SplitPreTokenizer({
          type: 'Split',
          pattern: { Regex: pattern },
          behavior: 'Isolated',
          invert: false,
        });
      }
    } catch (error) {
      throw new StepSqlError(
        'bad_input',
        `tokenizer.json: got a file the tokenizer library refuses (${String(error)}), ` +
          'expected a Hugging Face tokenizer',
        'tokenizer.json',
      );
    }
    this.#normalize = json.normalizer !== null;
    for (const token of json.added_tokens) {
      this.#added.set(token.content, token.id);
      if (token.special) this.#special.add(token.id);
    }
    this.vocabSize = this.#library.model!.vocab.length;
    if (this.#added.size > 0) {
      const longestFirst = [...this.#added.keys()].sort((a, b) => b.length - a.length);
      const escaped = longestFirst.map((t) => t.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&'));
      this.#addedPattern = new RegExp(`(${escaped.join('|')})`);
    }
    this.eosId = this.#configured(config, 'eos_token');
    this.padId = this.#configured(config, 'pad_token');
    this.bosId = this.#configured(config, 'bos_token');
  }

  static fromFiles(files: TokenizerFiles): Tokenizer {
    return new Tokenizer(files['tokenizer.json'], files['tokenizer_config.json']);
  }

  #configured(config: Record<string, unknown>, key: string): number | null {
    const name = tokenName(config[key]);
    if (name === undefined) return null;
    const id = this.id(name);
    if (id === undefined) {
      throw badInput(`tokenizer_config.json: ${key}`, name, 'a token of tokenizer.json');
    }
    return id;
  }

  /** Id of a token by its name, such as `<|im_end|>`. */
  id(token: string): number | undefined {
    return this.#library.token_to_id(token);
  }

  /** True for tokens marked special: end of text, padding, turns. */
  isSpecial(id: number): boolean {
    return this.#special.has(id);
  }

  /**
   * Ids of a text, (T,). Special tokens written out in the text are recognised; none are added. Lone
   * surrogates become U+FFFD, as in any UTF-8.
   */
  encode(text: string): Int32Array {
    if (text === '') return new Int32Array(0);
    if (this.#split === undefined) {
      return Int32Array.from(this.#library.encode(text, { add_special_tokens: false }).ids);
    }
    const ids: number[] = [];
    const sections = this.#addedPattern ? text.split(this.#addedPattern) : [text];
    for (let i = 0; i < sections.length; i++) {
      const section = sections[i]!;
      // split() puts what the group matched, an added token, at the odd places.
      if (i % 2 === 1) ids.push(this.#added.get(section)!);
      else if (section !== '') this.#encodePlain(section, ids);
    }
    return Int32Array.from(ids);
  }

  #encodePlain(section: string, ids: number[]): void {
    const text = this.#normalize ? section.normalize('NFC') : section;
    for (const piece of this.#split!.pre_tokenize_text(text)) {
      let known = this.#cache.get(piece);
      if (known === undefined) {
        const model = this.#library.model!;
        known = model.encode([toByteChars(piece)]).map((token) => model.tokens_to_ids.get(token)!);
        if (this.#cache.size >= CACHE_LIMIT) this.#cache = new Map();
        this.#cache.set(piece, known);
      }
      for (const id of known) ids.push(id);
    }
  }

  /**
   * The text of ids; bytes that are not UTF-8 become U+FFFD. decode(encode(s)) = s, up to the
   * normalisation a published tokenizer applies (Qwen: NFC).
   * @param skipSpecial leave special tokens out
   * @throws StepSqlError on an id outside the vocabulary
   */
  decode(ids: ArrayLike<number>, skipSpecial = false): string {
    const kept = Array.from(ids).filter((id) => !(skipSpecial && this.#special.has(id)));
    for (const id of kept) this.#check(id);
    if (kept.length === 0) return '';
    if (this.#split === undefined) {
      return this.#library.decode(kept, { clean_up_tokenization_spaces: false });
    }
    const parts = kept.map((id) => this.#tokenBytes(id));
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  }

  #check(id: number): void {
    if (this.#library.id_to_token(id) === undefined) {
      throw badInput('token id', id, `an id of this vocabulary of ${this.vocabSize}`);
    }
  }

  #tokenBytes(id: number): Uint8Array {
    let bytes = this.#bytes[id];
    if (bytes === undefined) {
      const token = this.#library.id_to_token(id)!;
      const written = this.#added.has(token) ? undefined : fromByteChars(token);
      bytes = written ?? new TextEncoder().encode(token);
      this.#bytes[id] = bytes;
    }
    return bytes;
  }

  /**
   * One token for people to read: its text, with line breaks and other control characters escaped
   * (`\n`) and bytes that are only part of a character as `\xe4`.
   */
  show(id: number): string {
    this.#check(id);
    if (this.#split === undefined) return escapeControls(this.#library.id_to_token(id)!);
    const bytes = this.#tokenBytes(id);
    try {
      const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
      return escapeControls(decoder.decode(bytes));
    } catch {
      return Array.from(bytes, (b) => (b < 0x80 ? String.fromCharCode(b) : hex(b))).join('');
    }
  }
}

const hex = (byte: number): string => `\\x${byte.toString(16).padStart(2, '0')}`;

const NAMED_CONTROLS = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

const escapeControls = (text: string): string =>
  text.replace(/\p{Cc}/gu, (c) => NAMED_CONTROLS.get(c) ?? hex(c.charCodeAt(0)));
