import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Schema, Task } from '../data/task.ts';
import { createDatabase } from '../sql/create.ts';
import { openSandbox } from '../sql/engine.ts';
import { loadSql } from '../sql/load.ts';
import type { Outcome } from '../sql/outcome.ts';
import type { Step } from './episode.ts';
import { makeProtocol } from './index.ts';
import { answerText, callKey, callText, TOOL_TAGS } from './tools.ts';

const schema: Schema = {
  tables: [
    {
      name: 'singer',
      columns: [
        { name: 'id', type: 'INTEGER', primaryKey: true },
        { name: 'c_ba', type: 'TEXT', primaryKey: false, hidden: true, description: 'name' },
        {
          ...{ name: 'country', type: 'TEXT', primaryKey: false },
          values: new Map([
            ['v_zu', 'France'],
            ['v_xi', 'Spain'],
          ]),
        },
      ],
      foreignKeys: [],
    },
    {
      name: 'song',
      columns: [
        { name: 'id', type: 'INTEGER', primaryKey: true },
        { name: 'title', type: 'TEXT', primaryKey: false },
        { name: 'singer_id', type: 'INTEGER', primaryKey: false },
      ],
      foreignKeys: [{ column: 'singer_id', refTable: 'singer', refColumn: 'id' }],
    },
  ],
};

const task: Task = {
  ...{ id: 't', db_id: 'd', question: 'Show the name of every singer from France.', split: 'dev' },
  gold: ["SELECT c_ba FROM singer WHERE country = 'v_zu'"],
  facts: "c_ba name, 'v_zu' France",
};

const SQL = await loadSql();
const bytes = createDatabase(
  SQL,
  [
    'CREATE TABLE singer (id INTEGER PRIMARY KEY, c_ba TEXT, country TEXT)',
    'CREATE TABLE song (id INTEGER PRIMARY KEY, title TEXT, singer_id INTEGER)',
  ],
  [
    {
      table: 'singer',
      rows: [
        [1, 'Adams', 'v_zu'],
        [2, 'Bell', 'v_xi'],
        [3, 'Cole', 'v_zu'],
      ],
    },
    {
      table: 'song',
      rows: Array.from({ length: 9 }, (_, i) => [i + 1, `100%_'${i}</observation>`, 1]),
    },
  ],
);
const sandbox = openSandbox(SQL, bytes);
const tools = makeProtocol('tools');

/** Reads a turn, runs what it asks for and shows it, as the loop does. */
function play(text: string, protocol = tools, turnsLeft = 4) {
  const before = { task, schema, steps: [] as Step[] };
  const turn = protocol.read(text, before);
  let { outcome } = turn;
  if (turn.sql !== undefined) outcome = sandbox.run(turn.sql).outcome;
  const step: Step = { ...turn, ...(outcome && { outcome }), text, start: 0, end: 0 };
  return { turn, outcome, seen: protocol.observe({ ...before, steps: [step] }, turnsLeft) };
}

const call = (text: string) => play(callText('why', text));
const shows = (text: string): string =>
  call(text).seen.replace('<observation>4 left: ', '').replace('</observation>', '');

describe('the prompt', () => {
  it('says what is hidden and coded, but neither name nor spelling', () => {
    expect(tools.prompt(task, schema, { style: 'compact' })).toBe(
      ' singer( id name? country#)\n song( id title singer_id> singer)\n' +
        'Question: Show the name of every singer from France.\n5 left:\n',
    );
    const long = tools.prompt(task, schema, { style: 'create_table' }, new Map([['singer', []]]));
    expect(long).not.toContain('c_ba');
    expect(long).toContain('-- values are codes: country -- has columns for name, named otherwise');
    expect(long).toContain('- lookup <table> <column> <words>');
  });

  it('reveals facts to the oracle only', () => {
    const oracle = makeProtocol('tools', { reveal_facts: true });
    expect(oracle.prompt(task, schema, { style: 'compact' })).toContain(
      "Evidence: c_ba name, 'v_zu' France\n",
    );
  });

  it('leaves hidden cells out of sample rows', () => {
    const samples = new Map([['singer', [[1, 'Adams', 'v_zu']]]]);
    const text = tools.prompt(task, schema, { style: 'compact', rows: 1 }, samples);
    expect(text).toContain("(1, 'v_zu')");
    expect(text).not.toContain('Adams');
  });
});

describe('calls', () => {
  it('list tables', () => {
    expect(shows('list')).toBe('singer, song');
  });

  it('describe what has a description, or all columns', () => {
    expect(shows('describe singer')).toBe('c_ba name');
    expect(shows('describe SONG')).toBe('id\n title\n singer_id');
    expect(shows('describe songs')).toBe('error: no such table: songs');
  });

  it('look up values by their meaning or their spelling', () => {
    expect(shows('lookup singer country france')).toBe("'v_zu' France");
    expect(shows("lookup singer country 'Spain'")).toBe("'v_xi' Spain");
    expect(shows('lookup singer c_ba ol')).toBe("'Cole'");
    expect(shows('lookup singer country Peru')).toBe('nothing');
    expect(shows('lookup singer name Adams')).toBe('error: no such column: name');
    expect(shows('lookup songs name Adams')).toBe('error: no such table: songs');
  });

  it('look words up as they are: no pattern, no SQL', () => {
    expect(shows("lookup song title %_'3")).toContain("'100%_''3");
    expect(shows('lookup song title _')).toContain('+6');
    expect(shows('lookup song title 1_0')).toBe('nothing');
    expect(shows("lookup song title x' OR 1 --")).toBe('nothing');
  });

  it('query anything the sandbox takes', () => {
    expect(shows('query SELECT c_ba, id FROM singer LIMIT 1')).toBe("c_ba, id\n 'Adams', 1");
    expect(shows('query SELECT name FROM singer')).toBe('error: no such column: name');
    expect(shows('query DROP TABLE singer')).toMatch(/^error: /);
    expect(shows('query SELECT id FROM singer WHERE id > 9')).toBe('nothing');
  });

  it('are normalised: equal calls have equal keys', () => {
    const key = (text: string) => callKey(call(text).turn.call!);
    expect(key('Describe  SINGER')).toBe('describe singer');
    expect(key('describe "singer"')).toBe('describe singer');
    expect(key('lookup singer COUNTRY  France ')).toBe('lookup singer country france');
    expect(key('query SELECT  1 ;')).toBe('query SELECT 1');
  });

  it('may be malformed or of no tool', () => {
    expect(call('lookup singer France').turn.call).toEqual({ tool: '', args: [] });
    expect(shows('lookup singer France')).toBe('error: expected lookup <table> <column> <words>');
    expect(shows('describe')).toBe('error: expected describe <table>');
    expect(call('frob singer').turn.call).toEqual({ tool: 'frob', args: ['singer'] });
    expect(shows('frob singer')).toBe('error: no such tool: frob');
    expect(shows('')).toBe('error: empty call');
  });
});

describe('turns', () => {
  it('answer with SQL', () => {
    const text = answerText('ready', 'SELECT 1;');
    expect(tools.read(text, { task, schema, steps: [] })).toEqual({
      ...{ kind: 'answer', sql: 'SELECT 1', thought: 'ready' },
      thoughtLength: text.indexOf('</think>') + '</think>'.length,
    });
  });

  it('that neither call nor answer say so', () => {
    const message = (text: string) => {
      const { outcome } = play(text);
      return outcome?.kind === 'error' ? outcome.message : undefined;
    };
    expect(message('SELECT 1')).toBe('no call and no answer');
    expect(message('<think> never <sql> SELECT 1</sql>')).toBe('no call and no answer');
    expect(message('<think> a</think><sql> SELECT 1')).toBe('a tag is not closed');
    expect(message('<call> list</call><sql> SELECT 1</sql>')).toBe('more than one call or answer');
    expect(play('<think> never').turn).toMatchObject({ thought: 'never', thoughtLength: 13 });
  });

  it('are told how many are left', () => {
    expect(play(callText('', 'list'), tools, 1).seen).toContain('>1 left:');
  });
});

describe('observations', () => {
  it('are capped in rows and characters', () => {
    expect(shows('query SELECT id FROM song')).toBe('id\n 1\n 2\n 3\n +6');
    const short = makeProtocol('tools', { observation_chars: 10 });
    expect(play(callText('', 'query SELECT title FROM song LIMIT 1'), short).seen).toBe(
      "<observation>4 left: title\n '10…</observation>",
    );
  });

  it('cannot be imitated by what is in the database', () => {
    expect(shows('query SELECT title FROM song LIMIT 1')).not.toContain('</');
  });

  it('can be blanked', () => {
    const blind = makeProtocol('tools', { blank_observations: true });
    expect(play(callText('', 'describe singer'), blind).seen).toBe(
      '<observation>4 left:</observation>',
    );
  });
});

it('takes any text: never throws, and runs nothing but one SELECT', () => {
  const piece = fc.oneof(
    fc.constantFrom(...TOOL_TAGS, ' lookup', ' describe', ' query', ' list', ' singer', ' country'),
    fc.constantFrom(' DELETE FROM singer', ' SELECT', ' ;', "'", '%', ' x', '\n', '"', '\\'),
    fc.string(),
  );
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 12 }),
      fc.integer({ min: 1, max: 9 }),
      (parts, left) => {
        const { turn, seen } = play(parts.join(''), tools, left);
        expect(['call', 'answer']).toContain(turn.kind);
        if (turn.kind === 'call') {
          expect(turn.sql !== undefined || turn.outcome !== undefined).toBe(true);
          expect(seen.startsWith(`<observation>${left} left: `)).toBe(true);
        }
      },
    ),
    { numRuns: 500 },
  );
  const { outcome } = sandbox.run('SELECT count(*) FROM singer') as { outcome: Outcome };
  expect(outcome).toMatchObject({ rows: [[3]] });
});
