import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EpisodeLine } from '../../core/train/run-store.ts';
import type { Comparison, Outcome } from '../../core/sql/outcome.ts';
import {
  badgeOf,
  barParts,
  barScale,
  distinctSamples,
  groupSummary,
  outcomeText,
  readGroups,
  verdictOf,
  zeroOf,
} from './episodes.ts';

const plain = (text: string): string => text.replaceAll('\u00a0', ' ').replaceAll('\u202f', ' ');

const rows = (rowCount: number, truncated = false): Outcome => ({
  ...{ kind: 'rows', columns: ['n'], rows: [[1]], rowCount, truncated },
});
const comparison = (bird: boolean): Comparison => ({
  ...{ bird, spider: bird, exact: bird, recall: 1, f1: 1, softF1: 1, qatch: 1 },
});

const line = (step: number, group: number, sample: number, reward = 0): EpisodeLine => ({
  ...{ step, group, sample, question: `question ${group}`, db_id: 'music', text: 'SELECT 1' },
  ...{ tokens: [1, 2, 3], terminated: true, reward, terms: { execution_match: reward } },
  steps: [{ kind: 'answer', sql: 'SELECT 1', outcome: rows(1), comparison: comparison(!!reward) }],
});

describe('readGroups', () => {
  it('keeps the latest update, by question', () => {
    const { update, groups } = readGroups([
      line(4, 0, 0),
      line(5, 0, 0),
      line(5, 0, 1),
      line(5, 1, 0),
    ]);
    expect(update).toBe(5);
    expect(groups.map(({ question, samples }) => [question, samples.length])).toEqual([
      ['question 0', 2],
      ['question 1', 1],
    ]);
  });

  it('reads lines as the worker sends them and as JSON keeps them', () => {
    const sent = {
      ...line(1, 0, 0, NaN),
      ...{ tokens: Int32Array.of(1, 2, 3), terms: {} },
    } as EpisodeLine;
    const [group] = readGroups([sent]).groups;
    expect(group!.samples[0]).toMatchObject({ length: 3, reward: null, terms: [] });
    const stored = JSON.parse(JSON.stringify(line(1, 0, 0, 1))) as EpisodeLine;
    expect(readGroups([stored]).groups[0]!.samples[0]).toMatchObject({
      ...{ length: 3, reward: 1, verdict: 'right', terms: [['execution_match', 1]] },
    });
  });

  it('reads steps: thoughts, calls, what was shown, what each earned', () => {
    const call = {
      ...{ kind: 'call', text: '<call> describe song', thought: 'which columns?' },
      ...{ call: { tool: 'describe', args: ['song'] }, observation: 'song( id title)' },
      ...{ reward: 0.02, value: 0.5, advantage: -1 },
    };
    const steps = [call, { kind: 'call', call: { tool: '', args: [] } }];
    const [group] = readGroups([{ ...line(1, 0, 0), steps }]).groups;
    const [sample] = group!.samples;
    expect(sample!.steps[0]).toMatchObject({ ...call, call: 'describe song', sql: '' });
    expect(sample!.steps[1]).toMatchObject({ call: 'malformed', reward: null, advantage: null });
    expect(sample!.verdict).toBe('failed');
    expect(badgeOf(sample!).text).toBe('no answer');
  });

  it('survives any line', () => {
    const wild = fc.record(
      {
        ...{ step: fc.nat(3), group: fc.anything(), sample: fc.anything(), text: fc.anything() },
        ...{ tokens: fc.anything(), reward: fc.anything(), terms: fc.anything() },
        question: fc.anything(),
        steps: fc.oneof(
          fc.anything(),
          fc.array(
            fc.record({
              sql: fc.string(),
              outcome: fc.oneof(
                fc.anything(),
                fc.record({
                  kind: fc.constantFrom('rows', 'error', 'timeout'),
                  rows: fc.anything(),
                }),
              ),
              comparison: fc.anything(),
            }),
          ),
        ),
      },
      { requiredKeys: ['step'] },
    );
    fc.assert(
      fc.property(fc.array(wild), (lines) => {
        for (const group of readGroups(lines as EpisodeLine[]).groups) {
          groupSummary(group);
          const scale = barScale(group.samples);
          for (const sample of group.samples) {
            badgeOf(sample);
            barParts(sample.terms, scale);
            for (const { outcome } of sample.steps) expect(outcomeText(outcome)).not.toBe('');
          }
        }
      }),
    );
  });
});

describe('verdicts and outcomes', () => {
  it('judges by the comparison, and only what ran', () => {
    expect(verdictOf({ outcome: rows(1), comparison: comparison(true) })).toBe('right');
    expect(verdictOf({ outcome: rows(1), comparison: comparison(false) })).toBe('wrong');
    expect(verdictOf({ outcome: rows(1), comparison: null })).toBe('unjudged');
    expect(verdictOf({ outcome: { kind: 'error', message: '' }, comparison: null })).toBe('failed');
    expect(verdictOf(undefined)).toBe('failed');
  });

  it('puts outcomes into words', () => {
    const words: [Outcome | null, string][] = [
      [rows(0), 'no rows'],
      [rows(1), '1 row'],
      [rows(1200), '1 200 rows'],
      [rows(1000, true), 'more than 1 000 rows'],
      [{ kind: 'error', message: 'no such column: a' }, 'no such column: a'],
      [{ kind: 'timeout', limitMs: 2000 }, 'stopped after 2 s'],
      [{ kind: 'refused', reason: 'one SELECT' }, 'one SELECT'],
      [null, 'not run'],
    ];
    for (const [outcome, text] of words) expect(plain(outcomeText(outcome))).toBe(text);
  });

  it('names timeouts and refusals on the badge', () => {
    const badge = (outcome: Outcome) =>
      badgeOf({
        verdict: 'failed',
        steps: readGroups([{ ...line(1, 0, 0), steps: [{ kind: 'answer', sql: '', outcome }] }])
          .groups[0]!.samples[0]!.steps,
      });
    expect(badge({ kind: 'timeout', limitMs: 1 }).text).toBe('timeout');
    expect(badge({ kind: 'refused', reason: '' }).text).toBe('refused');
    expect(badge({ kind: 'error', message: '' }).text).toBe('failed');
  });

  it('tells groups that have nothing to compare', () => {
    const group = (...rewards: number[]) =>
      readGroups(rewards.map((reward, i) => line(1, 0, i, reward))).groups[0]!;
    expect(groupSummary(group(1, 0, 1))).toEqual({ right: 2, of: 3, equal: false });
    expect(groupSummary(group(0, 0, 0))).toEqual({ right: 0, of: 3, equal: true });
  });
});

it('lists equal answers once, best first', () => {
  const samples = [0, 1, NaN, 0, 1].map((reward, i) => line(1, 0, i, reward));
  const answers = distinctSamples(readGroups(samples).groups[0]!.samples);
  expect(answers.map(({ sample, times }) => [sample.reward, times])).toEqual([
    [1, 2],
    [0, 2],
    [null, 1],
  ]);
});

describe('reward bars', () => {
  it('stacks terms away from zero, on the scale of the group', () => {
    const samples: { terms: [string, number][] }[] = [
      { terms: [['execution', -100]] },
      {
        terms: [
          ['execution', 100],
          ['exact', 300],
        ],
      },
    ];
    const scale = barScale(samples);
    expect(scale).toEqual({ min: -100, max: 400 });
    expect(zeroOf(scale)).toBe(20);
    expect(barParts(samples[0]!.terms, scale)).toMatchObject([{ x: 0, width: 20, index: 0 }]);
    expect(barParts(samples[1]!.terms, scale)).toMatchObject([
      { name: 'execution', x: 20, width: 20 },
      { name: 'exact', x: 40, width: 60 },
    ]);
  });

  it('has no parts when every term is zero', () => {
    expect(barParts([['execution_match', 0]], { min: 0, max: 0 })).toEqual([]);
  });

  it('never leaves the bar', () => {
    const terms = fc.array(fc.tuple(fc.string(), fc.double({ noNaN: true, min: -1e9, max: 1e9 })));
    fc.assert(
      fc.property(
        fc.array(
          terms.map((list) => ({ terms: list })),
          { minLength: 1 },
        ),
        (samples) => {
          const scale = barScale(samples);
          for (const { terms: list } of samples) {
            for (const { x, width } of barParts(list, scale)) {
              expect(x).toBeGreaterThanOrEqual(-1e-6);
              expect(x + width).toBeLessThanOrEqual(100 + 1e-6);
            }
          }
        },
      ),
    );
  });
});
