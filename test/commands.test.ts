/** `eval`, `ask`, `nursery`, `pack` and `unpack` as people run them, on a run of two updates. */
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ensureBuilt,
  refusal,
  root,
  sets,
  stepsql,
  TINY_GRPO,
  TINY_NURSERY,
} from './cli.test-helper.ts';

const boxed = join(root, 'public/databases');
let folder: string;

async function run(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await stepsql(args, { cwd: folder });
  expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
}

beforeAll(async () => {
  ensureBuilt();
  folder = mkdtempSync(join(tmpdir(), 'stepsql-'));
  await run('train', 'grpo', ...sets({ ...TINY_NURSERY, ...TINY_GRPO }), '--out', 'run');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('stepsql train --workers', () => {
  const settings = sets({
    ...{ ...TINY_NURSERY, ...TINY_GRPO, 'grpo.prompts_per_update': 4 },
    'grpo.per_device_train_batch_size': 2,
  });
  const fingerprint = async (workers: string): Promise<unknown> => {
    const args = ['--workers', workers, '--backend', 'wasm', '--out', `workers-${workers}`];
    const told = await run('train', 'grpo', ...settings, ...args, '--json');
    return (JSON.parse(told) as { fingerprint: unknown }).fingerprint;
  };

  it('changes nothing but the time', async () => {
    const alone = await fingerprint('1');
    expect(alone).toMatch(/^[0-9a-f]{64}$/);
    expect(await fingerprint('3')).toBe(alone);
  });

  it('is for wasm', async () => {
    const told = await refusal(['train', 'grpo', '--backend', 'cpu', '--workers', '2']);
    expect(told).toContain('--workers: got 2, expected 1 on cpu');
  });
});

describe('stepsql eval', () => {
  interface Scores {
    count: number;
    ex: number;
    ts?: number;
    error_rate: number;
  }
  interface Evaluation {
    dataset: string;
    questions: number;
    tasks_sha256: string;
    prompts_too_long: number;
    greedy: Scores & { ex_interval: number[]; by_difficulty: Record<string, Scores> };
    sampled: { k: number; count: number; all_wrong: number; pass_at_k: number };
    items: { id: string; gold: string[]; sql: string; ex: boolean; samples: unknown[] }[];
  }

  it('measures a run on the boxed questions, greedy and by samples', async () => {
    const args = ['eval', 'run', '--data', boxed, '--samples', '3'];
    const found = JSON.parse(await run(...args, '--json', '--items')) as Evaluation;
    expect(found).toMatchObject({
      ...{ dataset: 'databases', questions: 12, prompts_too_long: 0 },
      greedy: { count: 12, ex: 0, error_rate: 1, by_difficulty: { easy: { count: 4 } } },
      sampled: { k: 3, count: 12, pass_at_k: 0, all_wrong: 1 },
    });
    expect(found.greedy.ex_interval[0]).toBe(0);
    expect(found.items).toHaveLength(12);
    expect(found.items[0]!.samples).toHaveLength(3);
    const text = await run(...args);
    expect(text).toMatch(/^run on databases, 12 questions \(wasm\)\n/);
    expect(text).toMatch(
      /\ngreedy +easy +medium +hard +extra +all\nquestions +4 +4 +2 +2 +12\nEX /,
    );
    expect(text).toMatch(
      /\n3 samples +easy [\s\S]+\npass@1 [\s\S]+\nmaj@3 [\s\S]+\nall-wrong groups/,
    );
  });

  it('measures a checkpoint of the run on the Nursery it was made on', async () => {
    const args = ['--split', 'tuning', '--questions', '8', '--json'];
    const own = JSON.parse(await run('eval', 'run', ...args)) as Evaluation;
    expect(own).toMatchObject({ dataset: 'nursery-tuning', questions: 8, greedy: { ts: 0 } });
    const checkpoint = await run('eval', 'run/checkpoints/2', ...args);
    expect(JSON.parse(checkpoint)).toEqual({ ...own, checkpoint: 'run/checkpoints/2' });
  });

  it('counts what the policy cannot read as wrong', async () => {
    const config = join(folder, 'run/checkpoints/2/config.json');
    const text = readFileSync(config, 'utf8');
    const short = { ...(JSON.parse(text) as object), max_position_embeddings: 70 };
    writeFileSync(config, JSON.stringify(short));
    const args = ['eval', 'run', '--data', boxed, '--samples', '2', '--json'];
    const found = JSON.parse(await run(...args)) as Evaluation;
    writeFileSync(config, text);
    expect(found.prompts_too_long).toBeGreaterThan(0);
    expect(found.greedy).toMatchObject({ count: 12, error_rate: 1 });
  });

  it.each([
    [['run', '--split', 'test'], 'split: got "test", expected one of train, tuning, dev, '],
    [['run', '--data', boxed, '--split', 'test'], 'split: got "test", expected one of the splits'],
    [['nothing'], 'nothing", expected a checkpoint or run folder'],
    [[''], '", expected a checkpoint folder (with model.safetensors), or a run'],
    [['run', '--samples', '1'], 'expected a whole number from 2 to 256'],
  ])('refuses %j', async ([name, ...args], message) => {
    expect(await refusal(['eval', join(folder, name!), ...args])).toContain(message);
  });
});

describe('stepsql ask', () => {
  interface Asked {
    candidates: { sql: string; samples: number; votes: number; outcome: { kind: string } }[];
  }

  it('writes SQL for the boxed database, runs it and says what failed', async () => {
    const question = 'How many singers are there?';
    const found = JSON.parse(await run('ask', 'run', question, '--json')) as Asked;
    expect(found).toMatchObject({ checkpoint: 'run', question, candidates: [{ samples: 1 }] });
    const [{ outcome }] = found.candidates as [Asked['candidates'][0]];
    expect(['error', 'refused']).toContain(outcome.kind);
    expect(await run('ask', 'run', question)).toMatch(/\n\n(fails|refused): .+\n$/);
  });

  it('lets samples vote', async () => {
    const args = ['ask', 'run', 'How many singers are there?', '--samples', '4'];
    const { candidates } = JSON.parse(await run(...args, '--json')) as Asked;
    expect(candidates.reduce((sum, { samples }) => sum + samples, 0)).toBe(4);
    expect(await run(...args)).toContain('0 of 4 votes: ');
  });

  it.each(['think', 'cocte', 'tools'])('speaks to a policy as it learnt (%s)', async (protocol) => {
    const question = 'How many singers are there?';
    const args = ['ask', `warm-${protocol}`, question, '--samples', '3', '--json'];
    const { candidates } = JSON.parse(await run(...args)) as Asked;
    expect(candidates.reduce((sum, { samples }) => sum + samples, 0)).toBe(3);
    for (const { sql } of candidates) expect(sql).toMatch(/^(SELECT|WITH)\b[^<]*$/);
  });

  it('shows what there is to ask', async () => {
    const text = await run('ask');
    expect(text).toContain(' album( id title year award rating singer_id> singer)');
    const { schema, questions } = JSON.parse(await run('ask', '--json')) as {
      schema: { tables: { name: string }[] };
      questions: string[];
    };
    expect(schema.tables.map(({ name }) => name)).toEqual(['singer', 'album', 'concert']);
    expect(text).toContain(questions[0]);
  });

  it('refuses what is no database and no question', async () => {
    const checkpoint = join(folder, 'run');
    const file = join(folder, 'run/recipe.json');
    const none = join(folder, 'none.db');
    expect(await refusal(['ask', '--db', none, 'x'])).toContain('none.db", expected a SQLite file');
    expect(await refusal(['ask', '--db', file, 'x'])).toContain('which starts with "SQLite format');
    expect(await refusal(['ask', 'warm', 'How', 'many'])).toBe(
      'error: question: got "warm How many", expected a question in quotes, after at most a checkpoint\n',
    );
    expect(await refusal(['ask', checkpoint, ' '])).toBe(
      'error: question: got " ", expected a question\n',
    );
    expect(await refusal(['ask', 'warm-123456', 'x'])).toContain(
      'make it with `stepsql warm-start --seed 123456`',
    );
    expect(await refusal(['ask', checkpoint, 'long '.repeat(3000)])).toMatch(
      /tokens of schema and question", expected at most 1016, which/,
    );
  });
});

describe('stepsql nursery', () => {
  it('prints its properties and sample questions', async () => {
    const text = await run('nursery', '--questions', '40', '--samples', '2');
    expect(text).toMatch(/^Nursery version \d+, seed 0\n\ndomains, entities +12, /);
    expect(text).toMatch(/\nquestions +40 on /);
    expect(text.match(/\n {2}gold +SELECT .+\n {2}answer +/g)).toHaveLength(2);
    const found = JSON.parse(await run('nursery', '--questions', '40', '--json')) as {
      world: object;
      split: object;
      samples: unknown[];
    };
    expect(found.world).toMatchObject({ domains: 12, heldOutNamesNotInTraining: 0 });
    expect(found.split).toMatchObject({ split: 'dev', tasks: 40 });
    expect(found.samples).toHaveLength(12);
  });

  it("writes Spider's file layout, which eval reads", async () => {
    const text = await run('nursery', '--questions', '20', '--write', 'out');
    expect(text).toContain('out: 20 questions in train_spider.json, 20 questions in dev.json, ');
    expect(readdirSync(join(folder, 'out'))).toEqual([
      ...['database', 'dev.json', 'tables.json', 'train_spider.json'],
    ]);
    const found = await run('eval', 'run', '--data', 'out', '--split', 'dev', '--json');
    expect(JSON.parse(found)).toMatchObject({ questions: 20, greedy: { ts: 0 } });
    expect(await refusal(['nursery', '--write', join(folder, 'out')])).toContain(
      'expected a new or empty folder',
    );
  });
});

describe('stepsql pack and unpack', () => {
  it('undo each other', async () => {
    await run('pack', 'run', '--out', 'packed/run.zip');
    await run('unpack', 'packed/run.zip', '--out', 'again');
    for (const name of readdirSync(join(folder, 'run'), { recursive: true }) as string[]) {
      // Only the latest checkpoint travels.
      if (/^checkpoints.[01]\b/.test(name) || !/\.\w+$/.test(name)) continue;
      const of = (run: string): Buffer => readFileSync(join(folder, run, name));
      expect(of('again').equals(of('run')), name).toBe(true);
    }
    const unpack = (file: string, out: string): Promise<string> =>
      refusal(['unpack', join(folder, file), '--out', join(folder, out)]);
    expect(await run('link', 'again')).toBe(await run('link', 'run'));
    expect(await unpack('packed/run.zip', 'again')).toContain(
      'expected an empty place to unpack into',
    );
    const half = readFileSync(join(folder, 'packed/run.zip')).subarray(0, 20_000);
    writeFileSync(join(folder, 'half.zip'), half);
    expect(await unpack('half.zip', 'half')).toContain(
      'error: run file: got "20000 bytes", expected a zip archive',
    );
    expect(existsSync(join(folder, 'half'))).toBe(false);
    const [empty, zip] = [join(folder, 'packed'), join(folder, 'x.zip')];
    expect(await refusal(['pack', empty, '--out', zip])).toContain('a run folder with a recipe');
    expect(existsSync(join(folder, 'x.zip'))).toBe(false);
  });
});
