/** `score`, `credit` and `evaluate` as people run them: the built command line on files. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../../core/sql/create.ts';
import { loadSql } from '../../core/sql/load.ts';
import { runCommandLine } from './run.ts';

const root = resolve(import.meta.dirname, '../../..');
const spider = resolve(root, '../shared/data/spider');
let folder: string;

function stepsql(args: string[], input = '') {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'dist/node/cli.js'), ...args],
    { cwd: folder, input, encoding: 'utf8' },
  );
  return { status, stdout, stderr };
}

/** What is refused before any SQL runs needs no process of its own. */
async function refused(args: string[]): Promise<string> {
  const written = { stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') => ({
    write: (text: string) => void (written[name] += text),
  });
  const io = { stdout: stream('stdout'), stderr: stream('stderr'), env: {} };
  const status = await runCommandLine(args, io);
  expect({ status, stdout: written.stdout }).toEqual({ status: 1, stdout: '' });
  return written.stderr.replaceAll(folder, '');
}

/** A file of the test folder. */
function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const jsonLines = (text: string): unknown[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);

beforeAll(async () => {
  // `npm test` builds first; a run of this file alone may not have.
  if (!existsSync(join(root, 'dist/node/cli.js'))) {
    execFileSync(process.execPath, ['tools/build-node.js'], { cwd: root });
  }
  folder = mkdtempSync(join(tmpdir(), 'stepsql-'));
  const SQL = await loadSql();
  const pets = (rows: [string, number][]) =>
    createDatabase(SQL, ['CREATE TABLE pet (name TEXT, age INTEGER)'], [{ table: 'pet', rows }]);
  mkdirSync(join(folder, 'database/pets'), { recursive: true });
  const main = pets([
    ['Rex', 3],
    ['Tom', 3],
    ['Ida', 9],
  ]);
  writeFileSync(join(folder, 'database/pets/pets.sqlite'), main);
  writeFileSync(join(folder, 'database/pets/pets_v1.sqlite'), pets([['Rex', 12]]));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('stepsql credit', () => {
  it('reads standard input and writes advantages', () => {
    const group = [1, 0, 0, 1, 0.1, 0, 0, 0].map((outcome) => ({ steps: [0], outcome }));
    const run = stepsql(['credit', '--method', 'grpo'], JSON.stringify({ group }));
    expect(run).toMatchObject({ status: 0, stderr: '' });
    const [{ advantages }] = jsonLines(run.stdout) as [{ advantages: number[][] }];
    expect(advantages.flat().map((a) => Number(a.toFixed(4)))).toEqual([
      1.6152, -0.5749, -0.5749, 1.6152, -0.3559, -0.5749, -0.5749, -0.5749,
    ]);
  });

  it('names the line of bad input, writes nothing and exits with 1', async () => {
    const credit = ['credit', '--method', 'rloo'];
    const bad = file('bad.jsonl', '{"group":[{"outcome":1}]}\n{"group":[{"outcome":"1"}]}\n');
    expect(await refused([...credit, bad])).toBe(
      'error: /bad.jsonl:2.group[0].outcome: got "1", expected a number\n',
    );
    expect(await refused([...credit, file('cut.jsonl', '{')])).toMatch(
      /^error: \/cut\.jsonl:1: got "\{"/,
    );
    expect(await refused(['credit', '--method', 'ppo', bad])).toMatch(/credit: got "ppo"/);
  });
});

describe('stepsql score', () => {
  const line = { db_id: 'pets', question: 'Who is nine?', answer: [['Ida']] };
  const input = [
    'SELECT name FROM pet WHERE age = 9',
    'SELECT name FROM pet',
    'SELECT nme FROM pet',
  ]
    .map((completion) => JSON.stringify({ ...line, completion }))
    .join('\n');

  it('rewards completions by the method and its options', () => {
    const args = ['score', '--method', 'execution', '--db', 'database'];
    const rewards = (extra: string[]) =>
      jsonLines(stepsql([...args, ...extra], input).stdout).map(
        (score) => (score as { reward: number }).reward,
      );
    expect(rewards([])).toEqual([1001, 101, -100]);
    expect(rewards(['--set', 'precisionGuard=true', '--set', 'error=-1'])).toEqual([1001, 51, -1]);
  });

  it('rewards thoughts and operations by FINER-SQL, with a file of verified thoughts', async () => {
    const thought =
      'The name of each pet that is nine years old is wanted: the table pet has name and age, and age has to be 9.';
    const gold = 'SELECT name FROM pet WHERE age = 9';
    const completions = [gold, 'SELECT name FROM pet AS p WHERE p.age = 3', 'SELECT nme FROM pet']
      .map((sql) => `<think>${thought}</think>\n${sql}`)
      .map((completion) => JSON.stringify({ ...line, gold, completion }))
      .join('\n');
    const known = file('known.jsonl', `${JSON.stringify({ thought, db_id: 'cats' })}\n`);
    const args = ['score', '--method', 'finer', '--db', 'database'];
    const rewards = (extra: string[]) =>
      jsonLines(stepsql([...args, ...extra], completions).stdout).map((score) =>
        Number((score as { reward: number }).reward.toFixed(5)),
      );
    // J = 0.5: two of four operations in all.
    expect(rewards([])).toEqual([4, 2.67835, 1]);
    expect(rewards(['--memory', known])).toEqual([4, 3.67835, 2]);
    expect(rewards(['--memory', known, '--set', 'thoughts.scope=same_db'])).toEqual([
      4, 2.67835, 1,
    ]);
    expect(
      await refused(['score', '--method', 'grpo', '--db', 'x', '--memory', known, known]),
    ).toMatch(/known\.jsonl:1\.gold: got null/);
    const scored = file('scored.jsonl', completions);
    expect(
      await refused(['score', '--method', 'grpo', '--db', 'x', '--memory', known, scored]),
    ).toMatch(/--memory: got "grpo", expected the method finer/);
    expect(await refused([...args, '--memory', scored, scored])).toMatch(
      /scored\.jsonl:1\.thought/,
    );
  });

  it('refuses options that break dominance, unknown databases and missing files', async () => {
    const args = ['score', '--method', 'execution', '--db', join(folder, 'database')];
    const elsewhere = JSON.stringify({ ...line, db_id: 'zoo', completion: 'SELECT 1' });
    const zoo = file('zoo.jsonl', elsewhere);
    expect(await refused([...args, '--set', 'partial=2000', zoo])).toMatch(
      /reward\.execution\.partial: got 2000, expected less than/,
    );
    expect(await refused([...args, zoo])).toMatch(/\/zoo\.jsonl:1\.db_id: got "zoo"/);
    expect(await refused([...args, 'none.jsonl'])).toMatch(/input: got "none\.jsonl"/);
  });
});

describe('stepsql evaluate', () => {
  it('scores Spider files with test suites', () => {
    const gold = ['SELECT name FROM pet WHERE age > 5', 'SELECT DISTINCT age FROM pet', 'SELECT 1'];
    writeFileSync(join(folder, 'gold.txt'), gold.map((sql) => `${sql}\tpets\n`).join(''));
    writeFileSync(
      join(folder, 'pred.txt'),
      "SELECT name FROM pet WHERE name = 'Ida'\nSELECT age FROM pet\nSELECT\n",
    );
    const args = ['evaluate', '--gold', 'gold.txt', '--pred', 'pred.txt', '--db', 'database'];
    const run = stepsql([...args, '--metric', 'ex,ts', '--json']);
    expect(run.status).toBe(0);
    expect(JSON.parse(run.stdout)).toEqual({
      format: 'spider',
      count: 3,
      ex: 2 / 3,
      ts: 1 / 3,
      error_rate: 1 / 3,
      empty_rate: 0,
      over_broad_rate: 0,
      gold_errors: 0,
      by_difficulty: {},
    });
    expect(stepsql(args).stdout).toMatch(/^Spider +all\ncount +3\nEX +66\.67\n/);
  });

  it('scores BIRD files by difficulty', () => {
    const gold = [
      { SQL: 'SELECT age FROM pet', db_id: 'pets', difficulty: 'simple' },
      { SQL: 'SELECT name, age FROM pet WHERE age = 9', db_id: 'pets', difficulty: 'moderate' },
    ];
    writeFileSync(join(folder, 'dev.json'), JSON.stringify(gold));
    const separator = '\t----- bird -----\t';
    const predictions = {
      '0': `SELECT DISTINCT age FROM pet${separator}pets`,
      '1': `SELECT name FROM pet WHERE age = 9${separator}pets`,
    };
    writeFileSync(join(folder, 'pred.json'), JSON.stringify(predictions));
    const run = stepsql([
      ...['--json', 'evaluate', '--gold', 'dev.json', '--pred', 'pred.json', '--db', 'database'],
      ...['--metric', 'ex,soft-f1,ves', '--runs', '3', '--items'],
    ]);
    const result = JSON.parse(run.stdout) as Record<string, unknown> & { ves: number };
    expect(result).toMatchObject({
      format: 'bird',
      ex: 0.5,
      soft_f1: expect.closeTo((1 + 2 / 3) / 2, 10) as number,
      by_difficulty: { simple: { ex: 1 }, moderate: { ex: 0 } },
      items: [{ ex: true }, { ex: false, ves: 0 }],
    });
    expect(result.ves).toBeGreaterThan(0);
  });

  it('tells what is wrong with the files', async () => {
    const two = file('two.txt', 'SELECT 1\tpets\nSELECT 1\tzoo\n');
    const one = file('one.txt', 'SELECT 1\n');
    const args = ['evaluate', '--db', join(folder, 'database'), '--gold', two, '--pred'];
    expect(await refused([...args, one])).toMatch(/got "1 predictions", expected 2/);
    expect(await refused([...args, two])).toMatch(/two\.txt:2: got "zoo"/);
    expect(await refused([...args, two, '--metric', 'em'])).toMatch(/--metric: got "em"/);
    expect(await refused([...args, two, '--runs', '0'])).toMatch(/whole number from 1/);
  });

  it.skipIf(!existsSync(spider))(
    'gives Spider’s own gold full marks (../shared/data/spider)',
    () => {
      const questions = JSON.parse(readFileSync(join(spider, 'train_spider.json'), 'utf8')) as {
        db_id: string;
        query: string;
      }[];
      const some = questions.filter((_, i) => i % 40 === 0);
      writeFileSync(join(folder, 'some.json'), JSON.stringify(some));
      writeFileSync(join(folder, 'some.txt'), some.map(({ query }) => `${query}\n`).join(''));
      const run = stepsql([
        ...['--json', 'evaluate', '--gold', 'some.json', '--pred', 'some.txt'],
        ...['--db', spider, '--metric', 'ex,ts'],
      ]);
      expect(JSON.parse(run.stdout)).toMatchObject({
        count: some.length,
        ex: 1,
        ts: 1,
        error_rate: 0,
      });
    },
  );
});
