import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cos, exp, log, pow, sin } from './math.ts';
import { philox4x32 } from './philox.ts';
import { Stream, tokenUniform } from './stream.ts';

function words(counter: [number, number, number, number], key: [number, number]): string {
  const out = new Uint32Array(4);
  philox4x32(counter, key, out);
  return [...out].map((word) => word.toString(16).padStart(8, '0')).join(' ');
}

describe('philox4x32-10', () => {
  // Known-answer vectors of the authors' Random123 library (tests/kat_vectors).
  it('gives the published answers', () => {
    expect(words([0, 0, 0, 0], [0, 0])).toBe('6627e8d5 e169c58d bc57ac4c 9b00dbd8');
    const ones = 0xffffffff;
    expect(words([ones, ones, ones, ones], [ones, ones])).toBe(
      '408f276d 41c83b0e a20bc7c6 6d5451fd',
    );
    expect(words([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0])).toBe(
      'd16cfe09 94fdcceb 5001e420 24126ea1',
    );
  });
});

describe('streams', () => {
  it('depend on seed, purpose and counters only', () => {
    const draw = (...args: ConstructorParameters<typeof Stream>): number[] => {
      const stream = new Stream(...args);
      return Array.from({ length: 6 }, () => stream.u32());
    };
    expect(draw(1, 'a', 2)).toEqual(draw(1, 'a', 2));
    expect(draw(1, 'a', 2)).not.toEqual(draw(1, 'a', 3));
    expect(draw(1, 'a', 2)).not.toEqual(draw(1, 'b', 2));
    expect(draw(0, 'a', 2)).not.toEqual(draw(1, 'a', 2));
  });

  it('are stored as fixed numbers: a change here breaks every link', () => {
    expect(new Stream(42, 'init').u32()).toMatchInlineSnapshot(`808857348`);
    expect(tokenUniform(42, 'sample', 1, 2, 3, 4)).toMatchInlineSnapshot(`0.6384139657020569`);
  });

  it('are uniform and normal', () => {
    const stream = new Stream(7, 'moments');
    const n = 20_000;
    let sum = 0;
    let normal = 0;
    let square = 0;
    for (let i = 0; i < n; i++) {
      sum += stream.uniform();
      const z = stream.normal();
      normal += z;
      square += z * z;
    }
    expect(Math.abs(sum / n - 0.5)).toBeLessThan(0.01);
    expect(Math.abs(normal / n)).toBeLessThan(0.03);
    expect(Math.abs(square / n - 1)).toBeLessThan(0.04);
  });

  it('shuffles to a permutation and draws integers in range', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 0xffffffff }),
        fc.integer({ min: 1, max: 50 }),
        (seed, n) => {
          const stream = new Stream(seed, 'property');
          const shuffled = stream.shuffle(Array.from({ length: n }, (_, i) => i));
          expect(shuffled.toSorted((a, b) => a - b)).toEqual(
            Array.from({ length: n }, (_, i) => i),
          );
          expect(stream.int(n)).toBeLessThan(n);
        },
      ),
    );
  });

  it('refuses a seed that is not a 32-bit integer, naming it', () => {
    expect(() => new Stream(1.5, 'x')).toThrow('seed: got 1.5, expected an integer');
  });
});

describe('portable math', () => {
  const close = (ours: number, reference: number): void => {
    expect(Math.abs(ours - reference)).toBeLessThanOrEqual(
      4e-16 * Math.max(1, Math.abs(reference)),
    );
  };

  it('agrees with Math to within an ulp or two', () => {
    fc.assert(
      fc.property(fc.double({ min: -700, max: 700, noNaN: true }), (x) => {
        expect(exp(x) / Math.exp(x)).toBeCloseTo(1, 14);
        close(sin(x), Math.sin(x));
        close(cos(x), Math.cos(x));
      }),
    );
    fc.assert(
      fc.property(fc.double({ min: 1e-300, max: 1e300, noNaN: true }), (x) =>
        close(log(x), Math.log(x)),
      ),
    );
    expect(pow(2, 0.5)).toBeCloseTo(Math.SQRT2, 14);
  });

  it('handles the edges', () => {
    expect(exp(0)).toBe(1);
    expect(exp(-Infinity)).toBe(0);
    expect(exp(1000)).toBe(Infinity);
    expect(log(1)).toBe(0);
    expect(log(0)).toBe(-Infinity);
    expect(log(-1)).toBeNaN();
    expect(cos(0)).toBe(1);
    expect(sin(0)).toBe(0);
  });
});
