import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startNumericBackend } from '../../../test/numeric-backend.test-helper.ts';
import { Stream } from '../random/stream.ts';
import { usePlain } from '../tensor/ops.ts';
import { pack, type PackItem, type Packed } from './pack.ts';
import { distance, scores, someTokens, tinyPolicy } from './tiny.test-helper.ts';

/** Items whose tokens are 1, 2, 3, …: each names its own place. Padding is 0. */
const numbered = fc
  .array(
    fc.tuple(
      fc.integer({ min: 1, max: 7 }),
      fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 4 }),
    ),
    { minLength: 1, maxLength: 6 },
  )
  .map((sizes): PackItem[] => {
    let next = 1;
    const run = (length: number): Int32Array => Int32Array.from({ length }, () => next++);
    return sizes.map(([prompt, completions]) => ({
      prompt: run(prompt),
      completions: completions.map(run),
    }));
  });

const options = fc.record({
  rowLength: fc.integer({ min: 1, max: 24 }),
  multiple: fc.integer({ min: 1, max: 16 }),
});

/** Tokens that place `at` sees, itself included, in order. */
function visible(packed: Packed, at: number): number[] {
  const base = at - (at % packed.length);
  const row = packed.tokens.subarray(base, base + packed.length);
  return [
    ...row.subarray(packed.prefixStart[at], packed.prefixEnd[at]),
    ...row.subarray(packed.segmentStart[at], at - base + 1),
  ];
}

describe('pack', () => {
  it('keeps every token once and shows it its own text and nothing else', () => {
    fc.assert(
      fc.property(numbered, options, (items, options) => {
        const packed = pack(items, options);
        expect(packed.length % options.multiple).toBe(0);
        expect(packed.length).toBeGreaterThanOrEqual(options.rowLength);
        expect(packed.tokens.length).toBe(packed.batch * packed.length);
        const texts = items.flatMap(({ prompt, completions }) =>
          completions.map((completion) => [...prompt, ...completion]),
        );
        const all = new Set(texts.flat());
        const written = [...packed.tokens].filter((token) => token !== 0);
        expect(written.sort((a, b) => a - b)).toEqual([...all].sort((a, b) => a - b));
        const places = new Map([...packed.tokens].map((token, at) => [token, at]));
        for (const text of texts) {
          text.forEach((token, i) => {
            const at = places.get(token)!;
            expect(visible(packed, at)).toEqual(text.slice(0, i + 1));
            expect(packed.position[at]).toBe(i);
          });
        }
      }),
      { numRuns: 200 },
    );
  });

  it('padding sees only itself', () => {
    fc.assert(
      fc.property(numbered, options, (items, options) => {
        const packed = pack(items, options);
        packed.tokens.forEach((token, at) => {
          if (token === 0) expect(visible(packed, at)).toEqual([0]);
        });
      }),
    );
  });

  it('predicts each completion token from the row before it, in order', () => {
    fc.assert(
      fc.property(numbered, options, (items, options) => {
        const packed = pack(items, options);
        const completions = items.flatMap((item) => item.completions);
        expect([...packed.targets]).toEqual(completions.flatMap((each) => [...each]));
        const contexts = items.flatMap(({ prompt, completions }) =>
          completions.flatMap((each) =>
            [...each].map((_, i) => [...prompt, ...each.subarray(0, i)]),
          ),
        );
        expect([...packed.rows].map((row) => visible(packed, row))).toEqual(contexts);
      }),
    );
  });

  it('lets short items share a row', () => {
    const item = { prompt: Int32Array.of(1, 2), completions: [Int32Array.of(3)] };
    const options = { rowLength: 9, multiple: 1 };
    expect(pack([item, item, item], options)).toMatchObject({ batch: 1, length: 9 });
    expect(pack([item, item, item, item], options)).toMatchObject({ batch: 2, length: 9 });
  });
});

describe('log-probabilities do not depend on the packing', () => {
  beforeAll(startNumericBackend);
  afterEach(() => usePlain(false));

  it.each([false, true])('plain twins: %s', (plain) => {
    usePlain(plain);
    const policy = tinyPolicy();
    const stream = new Stream(3, 'pack-test');
    const items = [4, 9, 1, 6].map((length, i): PackItem => ({
      prompt: someTokens(length, 32, stream),
      completions: [5, 1, 7].slice(i % 2).map((each) => someTokens(each, 32, stream)),
    }));
    const alone = items.flatMap(({ prompt, completions }) =>
      completions.map((completion) => scores(policy, [{ prompt, completions: [completion] }])),
    );
    const shared = items.map((item) => scores(policy, [item]));
    const together = scores(policy, items);
    for (const kind of ['logProbs', 'entropies'] as const) {
      const expected = alone.flatMap((result) => result[kind]);
      expect(
        distance(
          shared.flatMap((result) => result[kind]),
          expected,
        ),
      ).toBeLessThan(1e-5);
      expect(distance(together[kind], expected)).toBeLessThan(1e-5);
    }
    policy.dispose();
  });
});
