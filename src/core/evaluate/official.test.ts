import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../sql/create.ts';
import { loadSql } from '../sql/load.ts';
import { localSqlService } from '../sql/service.ts';
import type { SqlService } from '../sql/outcome.ts';
import { evaluatePredictions, METRICS, type DatabaseFiles } from './evaluate.ts';
import { parseGold, parsePredictions, type GoldItem } from './official.ts';

const gold = (count: number): GoldItem[] =>
  Array.from({ length: count }, (_, i) => ({ sql: 'SELECT 1', db_id: 'd', at: `gold:${i + 1}` }));

describe('gold files', () => {
  it('reads SQL, tab, db_id a line', () => {
    expect(parseGold('SELECT 1\tpets_1\r\n\nSELECT 2\tflight_2\n', 'gold.txt')).toEqual([
      { sql: 'SELECT 1', db_id: 'pets_1', at: 'gold.txt:1' },
      { sql: 'SELECT 2', db_id: 'flight_2', at: 'gold.txt:3' },
    ]);
  });

  it('reads dev.json of BIRD and of Spider', () => {
    const records = [
      { SQL: 'SELECT 1', db_id: 'a', difficulty: 'simple', question: '?' },
      { query: 'SELECT 2', db_id: 'b' },
    ];
    expect(parseGold(JSON.stringify(records), 'dev.json')).toEqual([
      { sql: 'SELECT 1', db_id: 'a', difficulty: 'simple', at: 'dev.json[0]' },
      { sql: 'SELECT 2', db_id: 'b', at: 'dev.json[1]' },
    ]);
  });

  it('names the place of what is malformed', () => {
    expect(() => parseGold('SELECT 1\ta\nSELECT 2 b\n', 'gold.txt')).toThrow(
      /^gold\.txt:2: got "SELECT 2 b", expected SQL, a tab and the db_id/,
    );
    expect(() => parseGold('[{"db_id":"a"}]', 'dev.json')).toThrow(
      /^dev\.json\[0\]\.SQL: got null/,
    );
    expect(() => parseGold('[{"SQL":"x","db_id":3}]', 'dev.json')).toThrow(
      /dev\.json\[0\]\.db_id: got 3/,
    );
    expect(() => parseGold('[{', 'dev.json')).toThrow(/^dev\.json: .*valid JSON/);
  });
});

describe('prediction files', () => {
  it('keeps the position of empty lines', () => {
    expect(parsePredictions('SELECT 1\n\nSELECT 3\td\n', 'pred.txt', gold(3))).toEqual({
      format: 'spider',
      sql: ['SELECT 1', '', 'SELECT 3'],
    });
    expect(parsePredictions('\n\n', 'pred.txt', gold(2)).sql).toEqual(['', '']);
  });

  it('takes further blank lines for the ends of dialogues', () => {
    expect(parsePredictions('SELECT 1\n\nSELECT 2\n\n\n', 'pred.txt', gold(2)).sql).toEqual([
      'SELECT 1',
      'SELECT 2',
    ]);
  });

  it('reads BIRD’s JSON', () => {
    const json = { '0': 'SELECT 1\t----- bird -----\td', '1': 'SELECT 2', '2': 0 };
    expect(parsePredictions(JSON.stringify(json), 'pred.json', gold(3))).toEqual({
      format: 'bird',
      sql: ['SELECT 1', 'SELECT 2', ''],
    });
  });

  it('refuses another number of predictions, and another database', () => {
    expect(() => parsePredictions('SELECT 1\n', 'pred.txt', gold(2))).toThrow(
      /pred\.txt: got "1 predictions", expected 2, one for each gold query/,
    );
    const other = JSON.stringify({ '0': 'SELECT 1\t----- bird -----\tx' });
    expect(() => parsePredictions(other, 'pred.json', gold(1))).toThrow(
      /pred\.json\[0\]: got "x", expected the gold's database d/,
    );
  });

  it('reads back whatever was written, in both formats', () => {
    const sql = fc
      .string({ unit: fc.constantFrom('a', 'É', '"', '\\', ' ', '=', '\u2028') })
      .map((text) => `SELECT ${text}`.trim());
    fc.assert(
      fc.property(fc.array(sql, { minLength: 1, maxLength: 6 }), (queries) => {
        const items = gold(queries.length);
        expect(parsePredictions(`${queries.join('\n')}\n`, 'p', items).sql).toEqual(queries);
        const json = Object.fromEntries(
          queries.map((query, i) => [i, `${query}\t----- bird -----\td`]),
        );
        expect(parsePredictions(JSON.stringify(json), 'p', items).sql).toEqual(queries);
        expect(parseGold(queries.map((query) => `${query}\td`).join('\n'), 'g')).toMatchObject(
          queries.map((query) => ({ sql: query, db_id: 'd' })),
        );
      }),
    );
  });
});

describe('evaluatePredictions', () => {
  let service: SqlService;
  let databases: (db_id: string) => Promise<DatabaseFiles>;

  beforeAll(async () => {
    const SQL = await loadSql();
    service = localSqlService(SQL);
    const singers = (rows: (string | number | null)[][]) =>
      createDatabase(
        SQL,
        ['CREATE TABLE singer (name TEXT, age INTEGER, country TEXT)'],
        [{ table: 'singer', rows }],
      );
    const main = singers([
      ['Ann', 30, 'FR'],
      ['Bob', 20, 'FR'],
      ['Cid', 25, 'US'],
      ['Dan', null, 'US'],
    ]);
    const variant = singers([
      ['Eve', 61, 'FR'],
      ['Bob', 70, 'US'],
    ]);
    databases = (db_id) =>
      Promise.resolve({
        bytes: () => Promise.resolve(main),
        variants: db_id === 'suite' ? [() => Promise.resolve(variant)] : [],
      });
  });

  const evaluate = async (
    pairs: [gold: string, predicted: string][],
    format: 'spider' | 'bird',
    db_id = 'd',
  ) => {
    const items = pairs.map(([sql], i) => ({ sql, db_id, at: `gold:${i + 1}` }));
    const predicted = pairs.map(([, sql]) => sql);
    const options = { metrics: METRICS, format, runs: 2 };
    return evaluatePredictions(service, databases, items, predicted, options);
  };

  // Hand-worked, one comparison mode each: [what, gold, prediction, BIRD's EX, Spider's EX].
  it.each([
    ['equal', 'SELECT name FROM singer', 'SELECT name FROM singer', true, true],
    [
      'other order',
      'SELECT name FROM singer',
      'SELECT name FROM singer ORDER BY 1 DESC',
      true,
      true,
    ],
    [
      'order asked for',
      'SELECT name FROM singer ORDER BY name',
      'SELECT name FROM singer ORDER BY name DESC',
      true,
      false,
    ],
    [
      'duplicates',
      'SELECT country FROM singer',
      'SELECT country FROM singer GROUP BY 1',
      true,
      false,
    ],
    [
      'DISTINCT is no difference',
      'SELECT DISTINCT country FROM singer',
      'SELECT country FROM singer',
      true,
      true,
    ],
    [
      'columns permuted',
      'SELECT name, age FROM singer',
      'SELECT age, name FROM singer',
      false,
      true,
    ],
    ['a column more', 'SELECT name FROM singer', 'SELECT name, age FROM singer', false, false],
    ['NULL equals NULL', 'SELECT age FROM singer', 'SELECT age FROM singer', true, true],
    [
      'NULL is not 0',
      'SELECT age FROM singer',
      'SELECT coalesce(age, 0) FROM singer',
      false,
      false,
    ],
    ['1 equals 1.0', 'SELECT 25', 'SELECT 25.0', true, true],
    ['floats exactly', 'SELECT 0.3', 'SELECT 0.1 + 0.2', false, false],
    ['text is not a number', 'SELECT 25', "SELECT '25'", false, false],
    [
      'spaced operator',
      'SELECT name FROM singer WHERE age >= 25',
      'SELECT name FROM singer WHERE age > = 25',
      false,
      true,
    ],
    ['both empty', 'SELECT 1 WHERE 0', 'SELECT 2 WHERE 0', true, true],
    ['fails', 'SELECT 1', 'SELECT nothing', false, false],
    ['not predicted', 'SELECT 1', '', false, false],
  ])('%s', async (_, goldSql, predicted, bird, spider) => {
    expect((await evaluate([[goldSql, predicted]], 'bird')).ex).toBe(Number(bird));
    expect((await evaluate([[goldSql, predicted]], 'spider')).ex).toBe(Number(spider));
  });

  it('passes a test suite only with a match on every variant', async () => {
    const lucky: [string, string] = [
      "SELECT name FROM singer WHERE country = 'FR' AND age < 25",
      'SELECT name FROM singer WHERE age < 25',
    ];
    const right: [string, string] = [
      'SELECT count(*) FROM singer WHERE age > 60',
      'SELECT sum(age > 60) FROM singer',
    ];
    const byChance: [string, string] = [
      'SELECT name FROM singer WHERE age = 20',
      "SELECT name FROM singer WHERE name = 'Bob'",
    ];
    const result = await evaluate([lucky, right, byChance], 'spider', 'suite');
    expect(result.items.map(({ ex, ts }) => [ex, ts])).toEqual([
      [true, true],
      [true, true],
      [true, false],
    ]);
    expect(result).toMatchObject({ ex: 1, ts: 2 / 3 });
    expect((await evaluate([byChance], 'spider')).ts).toBe(1);
  });

  it('scores Soft-F1 and R-VES for BIRD, and counts failures', async () => {
    const result = await evaluate(
      [
        ['SELECT name, age FROM singer WHERE age = 30', 'SELECT name FROM singer WHERE age = 30'],
        ['SELECT name FROM singer', 'SELECT name FROM singer'],
        ['SELECT nothing', 'SELECT name FROM singer'],
        ['SELECT name FROM singer WHERE age = 30', 'SELECT name FROM singer'],
      ],
      'bird',
    );
    // tp 1/2, fp 0, fn 1/2: F1 2/3; the last pairs Ann with Ann and leaves three rows over: 2/5.
    expect(result.soft_f1).toBeCloseTo((2 / 3 + 1 + 0 + 2 / 5) / 4, 12);
    expect(result.ves).toBe(1 / 4); // no clock here: equal times
    expect(result).toMatchObject({
      ex: 1 / 4,
      error_rate: 0,
      over_broad_rate: 1 / 4,
      gold_errors: 1,
    });
    expect(result.items[2]!.gold_error).toMatch(/nothing/);
  });

  it('splits by difficulty and reports progress', async () => {
    const items: GoldItem[] = [
      { sql: 'SELECT 1', db_id: 'd', difficulty: 'simple', at: 'a' },
      { sql: 'SELECT 1', db_id: 'd', difficulty: 'challenging', at: 'b' },
    ];
    const seen: number[] = [];
    const result = await evaluatePredictions(service, databases, items, ['SELECT 1', 'SELECT'], {
      metrics: ['ex'],
      format: 'bird',
      onProgress: (done, total) => seen.push(done, total),
    });
    expect(result.by_difficulty).toMatchObject({
      simple: { count: 1, ex: 1, error_rate: 0 },
      challenging: { count: 1, ex: 0, error_rate: 1 },
    });
    expect(result).not.toHaveProperty('soft_f1');
    expect(seen).toEqual([2, 2]);
  });
});
