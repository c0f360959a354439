import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { trainBpe } from './bpe.ts';
import { Tokenizer } from './tokenizer.ts';

const corpus = [
  'How many singers are there?',
  'SELECT count(*) FROM singer',
  'SELECT name, singer_id FROM singer WHERE age >= 30',
  ' singer( singer_id name age)\n',
  "SELECT name FROM singer WHERE country = 'sales'",
];
const texts = Array.from({ length: 50 }, () => corpus).flat();

interface Json {
  model: { vocab: Record<string, number>; merges: [string, string][] };
}
const model = (files: { 'tokenizer.json': string }): Json['model'] =>
  (JSON.parse(files['tokenizer.json']) as Json).model;

describe('trainBpe', () => {
  it('merges the most frequent pair first, ties to the lowest pair', () => {
    const { merges } = model(trainBpe(['ab ab ab cd cd xy xy'], { vocabSize: 262 }));
    // " ab" ×2 and "ab" ×1 make (a,b) ×3. Then (Ġ,…) wait behind the pairs of lower byte ids.
    expect(merges[0]).toEqual(['a', 'b']);
    expect(merges.slice(1, 3)).toEqual([
      ['Ġ', 'c'],
      ['Ġ', 'x'],
    ]);
  });

  it('gives special tokens the first ids, then bytes in order', () => {
    const { vocab } = model(trainBpe([], { vocabSize: 258 }));
    expect(vocab['<|pad|>']).toBe(0);
    expect(vocab['<|endoftext|>']).toBe(1);
    expect(vocab['A']).toBe(2 + 0x41);
    expect(Object.keys(vocab)).toHaveLength(258);
  });

  it('gives equal files for equal input', () => {
    const options = { vocabSize: 400 };
    expect(trainBpe(texts, options)).toEqual(trainBpe(texts, options));
  });

  it('cuts SQL into the pieces a policy should see', () => {
    const tokenizer = Tokenizer.fromFiles(trainBpe(texts, { vocabSize: 600 }));
    const cut = (text: string) => Array.from(tokenizer.encode(text), (id) => tokenizer.show(id));
    expect(cut('SELECT name, count(*) FROM singer')).toEqual(
      ['SELECT', ' name', ',', ' count', '(*)', ' FROM', ' singer'], // prettier-ignore
    );
    expect(cut(' singer_id >= 30)\n')).toEqual(
      [' singer', '_id', ' >=', ' ', '3', '0', ')\\n'], // prettier-ignore
    );
    expect(cut("= 'sales'")).toEqual(['=', " '", 'sales', "'"]);
  });

  it('counts ids without gaps when two merges spell the same token', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom('a', 'b') })), (words) => {
        const { vocab, merges } = model(trainBpe(words, { vocabSize: 300, minFrequency: 1 }));
        const ids = Object.values(vocab).sort((a, b) => a - b);
        expect(ids).toEqual(ids.map((_, i) => i));
        expect(ids.length).toBeLessThanOrEqual(300);
        for (const [left, right] of merges) expect(vocab).toHaveProperty([left + right]);
      }),
    );
  });

  it('matches a trainer that recounts all pairs before every merge', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.array(word, { maxLength: 12 }), (words) => {
        const { merges } = model(trainBpe(words, { vocabSize: 275 }));
        expect(merges).toEqual(slowMerges(words, 275));
      }),
    );
  });

  it('refuses options out of range', () => {
    expect(() => trainBpe([], { vocabSize: 100 })).toThrow(/vocabSize: got 100, expected .* 258/);
    expect(() => trainBpe([], { vocabSize: 300, specialTokens: ['a', 'a'] })).toThrow(
      /specialTokens/,
    );
    expect(() => trainBpe([], { vocabSize: 300, eosToken: '</s>' })).toThrow(
      /eosToken: got "<\/s>"/,
    );
    expect(() => trainBpe([], { vocabSize: 300, minFrequency: 0 })).toThrow(/minFrequency/);
    expect(() => trainBpe([], { vocabSize: 300, pattern: '(' })).toThrow(/pattern/);
  });
});

/** The algorithm as published, on words of ASCII letters: the plain twin. */
function slowMerges(texts: string[], vocabSize: number): [string, string][] {
  const tokens = Array.from({ length: 258 }, (_, i) => (i < 2 ? '' : String.fromCharCode(i - 2)));
  let words = texts.map((text) => [...text]);
  const merges: [string, string][] = [];
  while (tokens.length < vocabSize) {
    const counts = new Map<string, number>();
    for (const word of words) {
      for (let i = 0; i + 1 < word.length; i++) {
        const pair = `${tokens.indexOf(word[i]!)} ${tokens.indexOf(word[i + 1]!)}`;
        counts.set(pair, (counts.get(pair) ?? 0) + 1);
      }
    }
    const ids = (pair: string): number[] => pair.split(' ').map(Number);
    const [best] = [...counts].sort(([p, a], [q, b]) => {
      const [p0, p1] = ids(p);
      const [q0, q1] = ids(q);
      return b - a || p0! - q0! || p1! - q1!;
    });
    if (best === undefined || best[1] < 2) break;
    const [left, right] = ids(best[0]).map((id) => tokens[id]!) as [string, string];
    merges.push([left, right]);
    if (!tokens.includes(left + right)) tokens.push(left + right);
    words = words.map((word) => {
      const joined: string[] = [];
      for (let i = 0; i < word.length; i++) {
        const pair = word[i] === left && word[i + 1] === right;
        joined.push(pair ? left + right : word[i]!);
        if (pair) i++;
      }
      return joined;
    });
  }
  return merges;
}
