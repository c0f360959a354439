import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareFingerprints, type Fingerprint } from '../../core/recipe/fingerprint.ts';
import { NUMERICS_VERSION } from '../../core/recipe/version.ts';
import { cellsOf, compareSoFar, summaryOf } from './reproduction.ts';

const digest = (n: number, part = 0) =>
  [0, 1, 2].map((p) => (p === part ? n : 0).toString(16).padStart(8, '0')).join('');

/** A run of `count` updates of which a link lists `listed`. */
const run = (count: number, listed = count): Fingerprint => ({
  backend: 'wasm',
  numerics: NUMERICS_VERSION,
  timeouts: 0,
  count,
  head: '0'.repeat(64),
  updates: Array.from({ length: listed }, (_, i) => digest(i)),
});

const digests = (done: number) => Array.from({ length: done }, (_, i) => digest(i));

const show = (expected: Fingerprint, seen: string[], backend = 'wasm') => {
  const comparison = compareSoFar(expected, seen, backend);
  return {
    text: summaryOf(expected, seen.length, comparison, false).text,
    cells: cellsOf(expected, seen.length, comparison, false).map(({ state }) => state),
  };
};

/** As at the end of a run with these digests and this hash over all of them. */
const end = (expected: Fingerprint, actual: Fingerprint) => {
  const comparison = compareFingerprints(expected, actual);
  return {
    ...summaryOf(expected, actual.count, comparison, true),
    cells: cellsOf(expected, actual.count, comparison, true).map(({ state }) => state),
  };
};

describe('a reproduction under way', () => {
  it('counts the equal updates', () => {
    expect(show(run(3), [])).toEqual({
      text: '0 of 3 updates compared so far.',
      cells: ['to come', 'to come', 'to come'],
    });
    expect(show(run(3), digests(2))).toEqual({
      text: '2 of 3 updates equal so far.',
      cells: ['equal', 'equal', 'to come'],
    });
  });

  it('says what the link does not list', () => {
    expect(show(run(5, 2), []).text).toContain('The link lists 2; one hash covers them all.');
    expect(show(run(5, 2), digests(3))).toEqual({
      text:
        'All 2 updates that the link lists are equal; 3 of 5 done, ' +
        'and one hash at the end decides about the rest.',
      cells: ['equal', 'equal', 'unlisted', 'to come', 'to come'],
    });
  });

  it('names the first drift and whether it was to be expected', () => {
    const drifted = [digest(0), digest(9, 1), digest(2)];
    expect(show(run(4), drifted)).toEqual({
      text: 'Differs from update 2 on, first in the sampled tokens (same backend and numerics: not expected).',
      cells: ['equal', 'differs', 'differs', 'to come'],
    });
    expect(show(run(4), [digest(0, 2), digest(1, 2)], 'webgpu').text).toBe(
      'Differs from update 2 on, first in the sampled tokens (backend wasm against webgpu: expected to drift).',
    );
  });
});

describe('a reproduction at its end', () => {
  it('is the same over all updates, also those the link does not list', () => {
    expect(end(run(4, 2), run(4))).toEqual({
      verdict: 'same',
      text: 'The same, bit for bit, over all 4 updates.',
      cells: ['equal', 'equal', 'covered', 'covered'],
    });
  });

  it('differs where only the hash over all updates tells', () => {
    expect(end(run(4, 2), { ...run(4), head: '1'.repeat(64), backend: 'webgpu' })).toEqual({
      verdict: 'differs',
      text:
        'After the first 2 updates, the run differs: the hash over all 4 is another ' +
        '(backend wasm against webgpu: expected to drift).',
      cells: ['equal', 'equal', 'differs', 'differs'],
    });
  });

  it('may have been stopped early', () => {
    expect(end(run(4), run(2))).toEqual({
      verdict: 'stopped',
      text: 'Ended after 2 updates of 4: equal over the 2 that the link lists and this run has.',
      cells: ['equal', 'equal', 'to come', 'to come'],
    });
  });
});

it('cells cover every update once, in order, and are never many', () => {
  const sizes = fc.tuple(fc.nat(100_000), fc.nat(40), fc.nat(100_000));
  fc.assert(
    fc.property(sizes, ([count, listed, done]) => {
      const expected = run(count, Math.min(count, listed));
      const seen = digests(Math.min(count, done, 50));
      const cells = cellsOf(expected, seen.length, compareSoFar(expected, seen, 'wasm'), false);
      expect(cells.length).toBeLessThanOrEqual(240);
      let next = 1;
      for (const { from, to } of cells) {
        expect(from).toBe(next);
        expect(to).toBeGreaterThanOrEqual(from);
        next = to + 1;
      }
      expect(next).toBe(count + 1);
    }),
  );
});
