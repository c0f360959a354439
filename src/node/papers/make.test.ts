import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { startNodeBackend } from '../backend.ts';
import { RunFolder } from '../run-folder.ts';
import { writeResult } from './claim.ts';
import { makePiece } from './make.ts';
import { tiny } from './papers.test-helper.ts';
import { resultPath, type MakeOptions, type Piece } from './piece.ts';
import type { RunResult, TrialResult, WarmResult } from './result.ts';

const root = await mkdtemp(join(tmpdir(), 'stepsql-make-'));
afterAll(() => rm(root, { recursive: true, force: true }));

const { name: backend } = await startNodeBackend('wasm');
const options: MakeOptions = {
  experiment: {
    ...tiny,
    common: {
      data: { train_tasks: 40, train_schemas: 20 },
      grpo: { num_updates: 7, prompts_per_update: 2, num_generations: 4 },
    },
  },
  ...{ out: join(root, 'out'), runs: join(root, 'runs'), backend, questions: 12 },
  ...{ stop: new AbortController().signal, onProgress: () => undefined },
  workerFile: join(process.cwd(), 'dist/node/sql.worker.js'),
};

async function make<T extends object>(piece: Piece, changes: Partial<MakeOptions> = {}) {
  const result = (await makePiece(piece, { ...options, ...changes })) as T | undefined;
  const path = resultPath(options.out, piece);
  await mkdir(dirname(path), { recursive: true });
  if (result) await writeResult(path, result);
  return result;
}

it('starts, trains, stops, goes on and measures real pieces', async () => {
  const warm = await make<WarmResult>({ stage: 'warm', seed: 0 });
  expect(warm).toMatchObject({ checkpoint: 'warm-0', missed: [] });
  const piece: Piece = { stage: 'runs', arm: 'new', seed: 0, rate: 1e-4 };
  const stopping = new AbortController();
  const onProgress = (done: number) => void (done === 3 && stopping.abort());
  expect(await make(piece, { stop: stopping.signal, onProgress })).toBeUndefined();
  const folder = join(options.runs, 'new-0');
  expect((await new RunFolder(folder).latestCheckpoint())!.step).toBe(3);
  const run = (await make<RunResult>(piece))!;
  expect(run.recipe).toMatchObject({
    ...{ name: 'new', seed: 0, policy: { checkpoint: 'warm-0' } },
    ...{ optimizer: { learning_rate: 1e-4 }, grpo: { beta: 0.01, num_updates: 7 } },
  });
  expect(run).toMatchObject({ updates: 7, costs: { episodes: 56, queries: 56 } });
  expect(run.costs!.tokens).toBeGreaterThan(56);
  expect(run.curve!.updates).toEqual([5, 7]); // those before the stop too
  expect(run.curve!.metrics['advantages/mean_abs']).toHaveLength(2);
  const { dev } = run.splits;
  expect(dev).toMatchObject({ questions: 12, samples: { count: 12 } });
  expect(dev!.more!['kl_from_start']).toBeGreaterThan(0);

  const start = (await make<RunResult>({ stage: 'runs', arm: 'no-training', seed: 0 }))!;
  expect(start).toMatchObject({ updates: 0, fingerprint: null });
  expect(start.splits['dev']!.more).toEqual({});

  const held = (await make<RunResult>({ stage: 'heldout', arm: 'new', seed: 0 }))!;
  expect(held.splits).toMatchObject({ heldout_schemas: { questions: 12, samples: null } });
  expect(held.fingerprint).toBe(run.fingerprint);

  const trial = await make<TrialResult>({ stage: 'trials', arm: 'old', seed: 0, rate: 2e-4 });
  expect(trial).toMatchObject({ arm: 'old', rate: 2e-4, updates: 7 });
  expect(trial!.ex).toBeGreaterThan(0.1);
  expect(await readdir(join(options.runs, 'trials'))).toEqual([]); // nothing to keep
});

it('refuses to measure held-out questions on a run that is gone', async () => {
  await rm(join(options.runs, 'new-0'), { recursive: true });
  await expect(make({ stage: 'heldout', arm: 'new', seed: 0 })).rejects.toThrow('a checkpoint');
});
