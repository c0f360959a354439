import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseOptions } from '../options.ts';
import { CentredEmbedder, meanOf } from './embed/centred.ts';
import { dot, unit } from './embed/embedder.ts';
import { nGramEmbedder } from './embed/n-grams.ts';
import { sentenceEmbedder, type Transformers } from './embed/sentence.ts';
import { memoryOptions, passesQualityGate, schemaNames, ThoughtMemory } from './memory.ts';

const options = (given: object = {}) => parseOptions(memoryOptions, given, 'thoughts');
const vector = (...values: number[]) => Float32Array.from(values);

/** A memory of vectors about databases `a` and `b`. */
function memoryOf(given: object, ...entries: [db_id: string, vector: Float32Array][]) {
  const memory = new ThoughtMemory(options({ novelty: 2, ...given }));
  entries.forEach(([db_id, v], i) => memory.add({ text: `thought ${i}`, db_id }, v));
  return memory;
}

describe('the memory', () => {
  it('gives the cosine with the centroid of the nearest thoughts', () => {
    const memory = memoryOf({}, ['a', vector(1, 0)], ['a', vector(0, 2)], ['a', vector(0, -1)]);
    // The centroid of (1, 0), (0, 1) and (0, −1) points along (1, 0).
    expect(memory.similarity(vector(3, 4), 'b')).toBeCloseTo(0.6, 6);
    const two = memoryOf(
      { neighbours: 2 },
      ['a', vector(1, 0)],
      ['a', vector(0, 2)],
      ['a', vector(0, -1)],
    );
    expect(two.similarity(vector(3, 4), 'b')).toBeCloseTo(7 / (5 * Math.SQRT2), 6);
    const one = memoryOf({ neighbours: 1 }, ['a', vector(1, 0)], ['a', vector(0, 2)]);
    expect(one.similarity(vector(3, 4), 'b')).toBeCloseTo(0.8, 6);
  });

  it('looks at other databases, all, or the same one', () => {
    const scoped = (scope: string) =>
      memoryOf({ scope }, ['a', vector(1, 0)], ['b', vector(0, 1)]).similarity(vector(1, 0), 'a');
    expect(scoped('other_db')).toBeCloseTo(0, 6);
    expect(scoped('same_db')).toBeCloseTo(1, 6);
    expect(scoped('all')).toBeCloseTo(Math.SQRT1_2, 6);
  });

  it('gives 0 where there is nothing to compare with', () => {
    expect(memoryOf({}).similarity(vector(1, 0), 'a')).toBe(0);
    const memory = memoryOf({}, ['a', vector(1, 0)]);
    expect(memory.similarity(vector(1, 0), 'a')).toBe(0);
    expect(memory.similarity(vector(0, 0), 'b')).toBe(0);
    const opposed = memoryOf({}, ['a', vector(1, 0)], ['a', vector(-1, 0)]);
    expect(opposed.similarity(vector(1, 1), 'b')).toBe(0);
  });

  it('keeps what is new: a cosine below 0.9 to the nearest, of any database', () => {
    const memory = new ThoughtMemory(options());
    const offer = (db_id: string, angle: number) =>
      memory.add({ text: 't', db_id }, vector(Math.cos(angle), Math.sin(angle)));
    expect([offer('a', 0), offer('b', 0), offer('a', 0.45), offer('a', 0.46)]).toEqual([
      ...[true, false, false, true],
    ]);
    expect(memory.add({ text: 't', db_id: 'a' }, vector(0, 0))).toBe(false);
    expect(memory.size).toBe(2);
  });

  it('drops the oldest beyond its capacity', () => {
    const memory = memoryOf({ capacity: 2 }, ['a', vector(1)], ['b', vector(1)], ['c', vector(1)]);
    expect(memory.entries.map(({ db_id }) => db_id)).toEqual(['b', 'c']);
  });

  it('is bounded, and the same in whatever lengths vectors come', () => {
    const finite = fc.float({ noNaN: true, noDefaultInfinity: true, min: -100, max: 100 });
    const vectors = fc.array(fc.array(finite, { minLength: 3, maxLength: 3 }), { maxLength: 30 });
    fc.assert(
      fc.property(vectors, fc.array(finite, { minLength: 3, maxLength: 3 }), (stored, query) => {
        const memory = memoryOf(
          {},
          ...stored.map((v) => ['a', vector(...v)] as [string, Float32Array]),
        );
        const cosine = memory.similarity(vector(...query), 'b');
        expect(Math.abs(cosine)).toBeLessThanOrEqual(1);
        const twice = memory.similarity(vector(...query.map((x) => 2 * x)), 'b');
        if (Math.hypot(...query) > 1e-6) expect(twice).toBeCloseTo(cosine, 5);
      }),
    );
  });
});

describe('the quality gate', () => {
  const names = new Set(['singer', 'name', 'age', 'country']);
  const thought =
    'use singer; show name and country of each one whose age is above the given number';

  it('asks for words, characters, names of the schema and varied words', () => {
    const passes = (
      text: string,
      given: object = {},
      known: ReadonlySet<string> | undefined = names,
    ) => passesQualityGate(text, known, options(given));
    expect(passes(thought)).toBe(true);
    expect(passes(thought, { gate: 'paper' })).toBe(false);
    expect(passes(`${thought} and ${thought} so ${thought}`, { gate: 'paper' })).toBe(false);
    expect(passes('use singer show name of each one whose age is given')).toBe(false); // 11 words
    expect(passes('a b c d e f g h singer name k l')).toBe(false); // 31 characters
    expect(passes('use it and show the first of each one whose other is above the given')).toBe(
      false,
    );
    expect(passes(`name age ${'padding words that mean nothing here '.repeat(20)}`)).toBe(false);
    expect(passes(thought, {}, new Set())).toBe(false);
    expect(passesQualityGate(thought, undefined, options())).toBe(true);
    expect(passes('singer name '.repeat(20))).toBe(false);
  });

  it("takes a thought of the paper's length with the paper's gate", () => {
    const long =
      'The question wants singers from France, so the table singer has what is needed: its column name is shown, ' +
      'and rows are kept where country equals the value in the question; age is not needed at all, ' +
      'and neither a join nor an aggregate is.';
    expect(passesQualityGate(long, names, options({ gate: 'paper' }))).toBe(true);
  });

  it('knows tables and columns in any case', () => {
    const schema = {
      tables: [
        {
          name: 'Singer',
          columns: [{ name: 'Song_Name', type: 'TEXT', primaryKey: false, notNull: false }],
          foreignKeys: [],
        },
      ],
    };
    expect([...schemaNames(schema as never)]).toEqual(['singer', 'song_name']);
  });
});

const cosine = (a: Float32Array, b: Float32Array) => dot(unit(a)!, unit(b)!);

describe('character n-grams', () => {
  it('are closer the more words texts share', async () => {
    const [a, b, c, same] = await nGramEmbedder().embed([
      'need song joined to singer on singer_id; columns title',
      'need song joined to singer on singer_id; columns year',
      'count of rows in the table airport grouped by city',
      '  Need song joined to SINGER on singer_id;  columns title ',
    ]);
    expect(cosine(a!, same!)).toBeCloseTo(1, 6);
    expect(cosine(a!, b!)).toBeGreaterThan(0.6);
    expect(cosine(a!, c!)).toBeLessThan(0.3);
    expect(dot(a!, a!)).toBeCloseTo(1, 6);
  });

  it('take any text', async () => {
    const texts = ['', ' ', 'é😀', 'x'.repeat(10_000)];
    const vectors = await nGramEmbedder(64).embed(texts);
    for (const each of vectors) {
      expect(each).toHaveLength(64);
      expect(each.every(Number.isFinite)).toBe(true);
    }
  });
});

describe('sentence embeddings', () => {
  it('come in batches from the model named, normalised', async () => {
    const asked: unknown[] = [];
    const fake: Transformers = {
      pipeline: (task, model) => {
        asked.push([task, model]);
        return Promise.resolve((texts, how) => {
          asked.push([texts.length, how]);
          const data = texts.flatMap((text) => [text.length, 1]);
          return Promise.resolve({ data, dims: [texts.length, 2] });
        });
      },
    };
    const embedder = await sentenceEmbedder({ model: 'm', pooling: 'last_token' }, () =>
      Promise.resolve(fake),
    );
    const vectors = await embedder.embed(Array.from({ length: 40 }, (_, i) => 'x'.repeat(i)));
    expect(vectors.map((each) => [...each])).toEqual(Array.from({ length: 40 }, (_, i) => [i, 1]));
    const how = { pooling: 'last_token', normalize: true };
    expect(asked).toEqual([
      ['feature-extraction', 'm'],
      [32, how],
      [8, how],
    ]);
  });

  it('say how to get what is missing', async () => {
    const missing = () => Promise.reject(new Error('Cannot find package'));
    await expect(sentenceEmbedder(undefined, missing)).rejects.toThrow(
      /npm install @huggingface\/transformers \(Cannot find package\)/,
    );
    const noModel: Transformers = { pipeline: () => Promise.reject(new Error('404')) };
    await expect(sentenceEmbedder(undefined, () => Promise.resolve(noModel))).rejects.toThrow(
      /embedding model Xenova\/all-MiniLM-L6-v2 cannot be loaded \(404\)/,
    );
  });
});

describe('a centred embedder', () => {
  it('subtracts the mean of the first texts there are, or the one it is given', async () => {
    const lengths = {
      name: 'lengths',
      embed: (t: readonly string[]) => Promise.resolve(t.map((x) => vector(x.length, 5))),
    };
    const centred = new CentredEmbedder(lengths);
    expect(await centred.embed([])).toEqual([]);
    expect(centred.mean).toBeUndefined();
    expect(await centred.embed(['a', 'abc'])).toEqual([vector(-1, 0), vector(1, 0)]);
    expect(await centred.embed(['abcd'])).toEqual([vector(2, 0)]);
    centred.mean = meanOf([vector(0, 4)]);
    expect(await centred.embed(['a'])).toEqual([vector(1, 1)]);
  });
});
