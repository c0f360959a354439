import fc from 'fast-check';
import { expect, it } from 'vitest';
import { cellText, cut, visible } from './cells.ts';

it('shows every kind of cell', () => {
  const cells: [unknown, string][] = [
    [null, 'NULL'],
    [1.5, '1.5'],
    [-3, '-3'],
    [9_007_199_254_740_993n, '9007199254740993'],
    ['', ''],
    ['NULL', 'NULL'],
    [Uint8Array.of(0, 255), '00 ff (2 bytes)'],
    [[0, 255], '00 ff (2 bytes)'],
    [new Uint8Array(0), '0 bytes'],
    [Array.from({ length: 100 }, () => 1), '01 01 01 01 01 01 01 01 … (100 bytes)'],
  ];
  for (const [cell, text] of cells) expect(cellText(cell).text).toBe(text);
});

it('writes out marks that turn the direction of text', () => {
  expect(visible('a\u202eb\u2066c')).toBe('a‹U+202E›b‹U+2066›c');
  expect(cellText('\u200f').text).toBe('‹U+200F›');
});

it('tells NULL from the text', () => {
  expect(cellText(null).kind).toBe('null');
  expect(cellText('NULL').kind).toBe('text');
});

it('stays short for any cell', () => {
  fc.assert(
    fc.property(fc.anything({ withBigInt: true, withTypedArray: true }), (cell) => {
      let long: unknown = cell;
      if (typeof cell === 'string') long = cell.repeat(1000);
      expect(cellText(long).text.length).toBeLessThanOrEqual(8 * 161);
    }),
  );
});

it('never cuts a character in half', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 20 }), (text, limit) => {
      const short = cut(text, limit);
      expect(short.length).toBeLessThanOrEqual(limit + 1);
      expect(short.isWellFormed() || !text.isWellFormed()).toBe(true);
    }),
  );
});
