/** `stepsql prm` and what its model is for, as people run them, on the policy of a tiny run. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureBuilt, refusal, sets, stepsql, TINY_GRPO, TINY_NURSERY } from './cli.test-helper.ts';

let folder: string;

const run = (...args: string[]) => stepsql(args, { cwd: folder });

const small = sets({
  ...{
    questions: 20,
    held_out: 4,
    traces: 2,
    completions: 2,
    epochs: 1,
    batch_size: 8,
    positive_share: 0,
  },
});

const build = (...args: string[]) =>
  run(
    'prm',
    'run',
    ...small,
    '--backend',
    'wasm',
    '--workers',
    '1',
    '--work',
    'work.jsonl',
    ...args,
  );

interface Report {
  missed: string[];
  train: { tasks: number; traces: number };
  held_out: { tasks: number };
  scores: { calibration_error: number };
  seconds: Record<string, number>;
}

beforeAll(async () => {
  ensureBuilt();
  folder = mkdtempSync(join(tmpdir(), 'stepsql-prm-'));
  const { status, stderr } = await run(
    ...['train', 'grpo', ...sets({ ...TINY_NURSERY, ...TINY_GRPO }), '--out', 'run'],
  );
  expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('stepsql prm', () => {
  it('refuses a model that misses its limits, and says what it measured', async () => {
    const { status, stdout, stderr } = await build('--out', 'bad', '--json');
    expect(status).toBe(1);
    const report = JSON.parse(stdout) as Report;
    // A policy of two updates is never right.
    expect(report.missed.join()).toContain('AUC NaN, wanted 0.75');
    expect(report.train).toMatchObject({ tasks: 18, traces: 36 });
    expect(report.held_out.tasks).toBe(4);
    expect(JSON.parse(stderr.trim().split('\n').at(-1)!)).toMatchObject({
      error: { code: 'bad_input', field: 'prm' },
    });
    expect(existsSync(join(folder, 'bad'))).toBe(false);
  });

  it('goes on with what is collected, and keeps the model when forced', async () => {
    const work = readFileSync(join(folder, 'work.jsonl'), 'utf8');
    expect(work.trim().split('\n')).toHaveLength(25);
    writeFileSync(join(folder, 'work.jsonl'), work.slice(0, -20)); // died while writing
    const { status } = await build('--out', 'model', '--force', '--json');
    expect(status).toBe(0);
    expect(readFileSync(join(folder, 'work.jsonl'), 'utf8')).toBe(work);
    const report = JSON.parse(readFileSync(join(folder, 'model', 'report.json'), 'utf8')) as Report;
    expect(report.missed.length).toBeGreaterThan(0);
    for (const file of ['prm.json', 'config.json', 'model.safetensors', 'tokenizer.json']) {
      expect(existsSync(join(folder, 'model', file)), file).toBe(true);
    }
  });

  it('makes a model that eval chooses by', async () => {
    const { status, stdout } = await run(
      ...['eval', 'run', '--questions', '4', '--best-of', '2', '--guided', '2'],
      ...['--prm', 'model', '--backend', 'wasm', '--json'],
    );
    expect(status).toBe(0);
    const told = JSON.parse(stdout) as {
      best_of_n: { n: number; accuracy: Record<string, number> };
      guided: { questions: number; expanded: number; right: boolean[] };
    };
    expect(told.best_of_n.n).toBe(2);
    expect(Object.keys(told.best_of_n.accuracy)).toEqual([
      ...['random', 'majority', 'min', 'product', 'last', 'mean', 'weighted'],
    ]);
    expect(told.guided).toMatchObject({ questions: 4, expanded: 2 });
  });

  it('makes a model that training scores by', async () => {
    const wanted = { ...TINY_NURSERY, ...TINY_GRPO, 'process_values.source': 'prm' };
    const args = ['train', 'grpo', ...sets(wanted), '--backend', 'wasm', '--out'];
    const { status } = await run(...args, 'scored', '--prm', 'model');
    expect(status).toBe(0);
    const [first] = readFileSync(join(folder, 'scored', 'metrics.jsonl'), 'utf8').split('\n');
    const { 'process/value_mean': value } = JSON.parse(first!) as Record<string, number>;
    expect(value).toBeGreaterThan(0);
    expect(value).toBeLessThan(1);
    const none = await run(...args, 'unscored', '--set', 'process_values.checkpoint=prm-999');
    expect(none.stderr).toContain('process_values.checkpoint: got "prm-999"');
  });

  it('refuses what is no model, no option or no policy', async () => {
    expect(await refusal(['eval', 'warm-0', '--guided', '2'])).toContain('--guided: got 2');
    expect(await refusal(['prm', 'warm-0', '--set', 'epoch=2'])).toContain('--set.epoch');
    expect(await refusal(['prm', join(folder, 'nothing')])).toContain('checkpoint: got');
    const other = await refusal(['eval', join(folder, 'run'), '--prm', join(folder, 'run')]);
    expect(other).toContain('prm: got');
  });
});
