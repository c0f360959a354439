import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Cell } from '../data/task.ts';
import type { Outcome } from '../sql/outcome.ts';
import { valueAwareVote, valueSignature } from './value-aware-vote.ts';

const rows = (...rows: Cell[][]): Outcome => ({
  ...{ kind: 'rows', columns: [], rows, rowCount: rows.length, truncated: false },
});
const failed: Outcome = { kind: 'error', message: 'no such table' };

describe('the signature of a result', () => {
  it('has the values of each row sorted, rows once and sorted', () => {
    expect(
      valueSignature([
        ['b', 'a'],
        [2, null],
        ['a', 'b'],
      ]),
    ).toBe('a|b;|2'.split(';').sort().join(';'));
    expect(valueSignature([[1, 2]])).toBe(
      valueSignature([
        [2, 1],
        [1, 2],
      ]),
    );
    expect(valueSignature([])).toBe('');
  });

  it('ends after 200 characters', () => {
    const long = (end: string): Cell[][] => [['x'.repeat(200) + end]];
    expect(valueSignature(long('a'))).toBe(valueSignature(long('b')));
    expect(valueSignature(long('a'))).toHaveLength(200);
  });
});

describe('the value-aware vote', () => {
  it('takes the first sample of the largest group', () => {
    expect(valueAwareVote([rows([1]), rows([2]), failed, rows([2]), rows([1], [3])])).toBe(1);
    expect(valueAwareVote([rows(['a', 'b']), rows([5]), rows(['b', 'a'], ['a', 'b'])])).toBe(0);
  });

  it('leaves out results that are empty, without values, or zeros only', () => {
    const nothing = [rows(), rows([0]), rows([null]), rows([0, 0.0], ['0']), rows(['0.00 %'])];
    for (const each of nothing) expect(valueAwareVote([each, each, each, rows([7])])).toBe(3);
    expect(valueAwareVote([rows([0], [7]), rows([0], [7]), rows([9])])).toBe(0);
    expect(valueAwareVote([rows([0n]), rows(['none'])])).toBe(1);
  });

  it('falls back to the largest that ran, and to none', () => {
    expect(valueAwareVote([failed, rows([0]), rows(), rows()])).toBe(2);
    expect(valueAwareVote([failed, undefined])).toBe(-1);
    expect(valueAwareVote([])).toBe(-1);
  });

  it('prefers the larger signature among groups of one size', () => {
    expect(valueAwareVote([rows(['a']), rows(['b'])])).toBe(1);
    expect(valueAwareVote([rows(['b']), rows(['a'])])).toBe(0);
  });

  it('chooses the same result in whatever order samples come', () => {
    const outcome = fc.oneof(
      fc.constant(failed),
      fc
        .array(fc.array(fc.constantFrom<Cell>(0, 1, 'a', null), { maxLength: 2 }), { maxLength: 3 })
        .map((all) => rows(...all)),
    );
    fc.assert(
      fc.property(fc.array(outcome, { maxLength: 10 }), (outcomes) => {
        const chosen = (all: Outcome[]) => {
          const found = all[valueAwareVote(all)];
          return found?.kind === 'rows' ? valueSignature(found.rows) : undefined;
        };
        expect(chosen([...outcomes].reverse())).toBe(chosen(outcomes));
      }),
    );
  });
});
