import { describe, expect, it } from 'vitest';
import type { Episode, Step } from '../episode/episode.ts';
import type { Outcome } from '../sql/outcome.ts';
import { makeProtocol } from '../episode/index.ts';
import { answerText, callText } from '../episode/tools.ts';
import { callUses, toolMetrics } from './tools.ts';

const schema = {
  tables: [
    {
      name: 'song',
      columns: [
        { name: 'id', type: 'INTEGER', primaryKey: true },
        { name: 'c_ba', type: 'TEXT', primaryKey: false, hidden: true, description: 'title' },
      ],
      foreignKeys: [],
    },
    { name: 'singer', columns: [{ name: 'id', type: '', primaryKey: true }], foreignKeys: [] },
  ],
};
const ROWS: Outcome = {
  ...{ kind: 'rows', columns: ['x'], rows: [[1]], rowCount: 1, truncated: false },
};
const protocol = makeProtocol('tools');

function episode(calls: readonly string[], right: boolean, needs?: string[]): Episode {
  const task = { id: 't', db_id: 'd', question: '?', split: 'dev', ...(needs && { needs }) };
  const texts = [
    ...calls.map((call) => callText('', call)),
    answerText('', 'SELECT c_ba FROM song'),
  ];
  const steps: Step[] = [];
  for (const text of texts) {
    const turn = protocol.read(text, { task, schema, steps });
    const fails = turn.sql?.includes('nothing');
    const failed: Outcome = { kind: 'error', message: 'x' };
    const outcome = turn.outcome ?? (fails ? failed : ROWS);
    steps.push({ ...turn, outcome, text, start: 0, end: 0 });
  }
  const none = new Float32Array(0);
  const no = {
    ...{ bird: right, spider: right, exact: right, recall: 0, f1: 0 },
    softF1: 0,
    qatch: 0,
  };
  steps.at(-1)!.comparison = no;
  return {
    ...{ task, tokens: new Int32Array(0), mask: new Uint8Array(0), logProbs: none },
    ...{ entropies: none, terminated: true, text: texts.join(''), steps },
  };
}

describe('a call', () => {
  it.each([
    [['describe song'], ['needed']],
    [
      ['describe song', 'DESCRIBE Song'],
      ['needed', 'repeated'],
    ],
    [
      ['describe singer', 'list'],
      ['useless', 'useless'],
    ],
    [['query SELECT nothing', 'describe songs', 'frob', 'describe'], Array(4).fill('failing')],
    [
      ['frob', 'frob'],
      ['failing', 'repeated'],
    ],
    [
      ['describe', 'describe'],
      ['failing', 'failing'],
    ],
    [['query select C_BA from SONG;'], ['check']],
    [['query SELECT id FROM song'], ['useless']],
  ])('%j is %j', (calls, uses) => {
    expect(callUses(episode(calls, true, ['describe song']))).toEqual(uses);
  });

  it('is not called useless where nobody knows what is needed', () => {
    expect(callUses(episode(['list', 'list'], true))).toEqual(['unknown', 'repeated']);
  });
});

describe('metrics', () => {
  it('are means per question, recall over all needs, and calls for each right answer', () => {
    const episodes = [
      episode(['describe song', 'describe song', 'list'], true, ['describe song']),
      episode(['describe'], false, ['describe song', 'lookup song c_ba x']),
    ];
    expect(toolMetrics(episodes)).toEqual({
      ...{ calls: 2, repeated: 0.5, failing: 0.5, useless: 0.5, wasted: 1.5 },
      ...{ recall: 1 / 3, calls_per_correct: 4 },
    });
  });

  it('are none without tools, and not a number where there is nothing to measure', () => {
    expect(toolMetrics([episode([], true)])).toBeUndefined();
    expect(toolMetrics([episode(['list'], false)])).toMatchObject({
      ...{ recall: NaN, calls_per_correct: NaN },
    });
  });
});
