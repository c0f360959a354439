import { mkdtemp, readdir, readFile, rm, writeFile, appendFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { strToU8, unzipSync, zipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StepSqlError } from '../core/errors.ts';
import { writeSafetensors } from '../core/model/safetensors.ts';
import { applySet } from '../core/recipe/change.ts';
import { presetRecipe } from '../core/recipe/presets.ts';
import { packRun, unpackRun } from '../core/recipe/run-file.ts';
import { MemoryRunStore, type RunStore } from '../core/train/run-store.ts';
import { RunFolder } from './run-folder.ts';

/** A checkpoint's file with one number in it. */
const weights = (value: number): Uint8Array =>
  writeSafetensors(new Map([['w', { shape: [1], data: Float32Array.of(value) }]]));

let root: string;
const opened: RunStore[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'stepsql-run-'));
});

afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
  await rm(root, { recursive: true, force: true });
});

function folder(name = 'run'): RunFolder {
  const store = new RunFolder(join(root, name));
  opened.push(store);
  return store;
}

const recipe = presetRecipe('grpo');

/** Updates from `from` to `to` as the loop writes them: lines first, checkpoints every other update. */
async function train(store: RunStore, from: number, to: number): Promise<void> {
  for (let step = from; step <= to; step++) {
    await store.appendMetrics({ step, reward: step / 10, kl: NaN });
    await store.appendEpisodes([{ step, text: `SELECT ${step}` }]);
    if (step % 2 === 0) await store.saveCheckpoint(step, { 'model.safetensors': weights(step) });
  }
}

describe.each<[string, () => RunStore]>([
  ['in memory', () => new MemoryRunStore()],
  ['in a folder', () => folder()],
])('a run %s', (_, create) => {
  it('is empty before it begins', async () => {
    const store = create();
    expect(await store.readRecipe()).toBeUndefined();
    expect(await store.readMetrics()).toEqual([]);
    expect(await store.readEpisodes()).toEqual([]);
    expect(await store.latestCheckpoint()).toBeUndefined();
    expect(await store.resume()).toBeUndefined();
  });

  it('gives back what was written', async () => {
    const store = create();
    await store.writeRecipe(recipe);
    await train(store, 1, 4);
    expect(await store.readRecipe()).toEqual(recipe);
    expect(await store.readMetrics()).toHaveLength(4);
    expect((await store.readMetrics())[2]).toEqual({ step: 3, reward: 0.3, kl: NaN });
    expect(await store.readEpisodes(2)).toEqual([
      { step: 3, text: 'SELECT 3' },
      { step: 4, text: 'SELECT 4' },
    ]);
    expect(await store.latestCheckpoint()).toEqual({
      step: 4,
      files: { 'model.safetensors': weights(4) },
    });
  });

  it('writes typed arrays and bigints of episodes as JSON', async () => {
    const store = create();
    await store.appendEpisodes([
      {
        step: 1,
        tokens: Int32Array.of(1, 2),
        mask: Uint8Array.of(1, 0),
        rows: [[9007199254740993n]],
      },
    ]);
    expect(await store.readEpisodes()).toEqual([
      { step: 1, tokens: [1, 2], mask: [1, 0], rows: [['9007199254740993']] },
    ]);
  });

  it('drops what lies beyond the checkpoint it resumes from', async () => {
    const store = create();
    const straight = new MemoryRunStore();
    await train(straight, 1, 6);
    await train(store, 1, 5);
    expect((await store.resume())?.step).toBe(4);
    expect((await store.readMetrics()).map(({ step }) => step)).toEqual([1, 2, 3, 4]);
    await train(store, 5, 6);
    expect(await store.readMetrics()).toEqual(await straight.readMetrics());
    expect(await store.readEpisodes()).toEqual(await straight.readEpisodes());
    expect(await store.latestCheckpoint()).toEqual(await straight.latestCheckpoint());
  });

  it('begins anew when there is no checkpoint', async () => {
    const store = create();
    await train(store, 1, 1);
    expect(await store.resume()).toBeUndefined();
    expect(await store.readMetrics()).toEqual([]);
    expect(await store.readEpisodes()).toEqual([]);
  });

  it('goes on only with its own recipe', async () => {
    const store = create();
    await store.writeRecipe(recipe);
    await store.writeRecipe(recipe);
    await expect(store.writeRecipe(applySet(recipe, 'seed=1'))).rejects.toThrow(
      /^recipe: got "grpo", expected the recipe this run began with/,
    );
  });

  it('leaves the checkpoint in force alone', async () => {
    const store = create();
    await store.saveCheckpoint(2, { a: Uint8Array.of(1) });
    await store.saveCheckpoint(2, { a: Uint8Array.of(9) });
    expect((await store.latestCheckpoint())?.files).toEqual({ a: Uint8Array.of(1) });
  });

  it.each(['../x', 'a/b', '', '.hidden', 'a\0b'])('refuses the file name %j', async (name) => {
    const saved = create().saveCheckpoint(1, { [name]: new Uint8Array() });
    await expect(saved).rejects.toThrow('expected a plain file name');
  });

  it('travels as a run file', async () => {
    const store = create();
    await store.writeRecipe(recipe);
    await train(store, 1, 5);
    const bytes = await packRun(store);
    expect(await packRun(store)).toEqual(bytes);
    const copy = new MemoryRunStore();
    await unpackRun(bytes, copy);
    expect(await copy.readRecipe()).toEqual(recipe);
    expect(await copy.readMetrics()).toEqual(await store.readMetrics());
    expect(await copy.readEpisodes()).toEqual(await store.readEpisodes());
    expect(await copy.latestCheckpoint()).toEqual(await store.latestCheckpoint());
    await expect(unpackRun(bytes, copy)).rejects.toThrow('an empty place to unpack into');
  });
});

describe('a run folder', () => {
  it('holds the files of the design', async () => {
    const store = folder();
    await store.writeRecipe(recipe);
    await train(store, 1, 2);
    await store.writeReport();
    await store.close();
    const files = await readdir(store.path, { recursive: true });
    expect(files.sort()).toEqual([
      'checkpoints',
      'checkpoints/2',
      'checkpoints/2/model.safetensors',
      'checkpoints/latest',
      'episodes.jsonl',
      'metrics.jsonl',
      'recipe.json',
      'report.html',
    ]);
    expect(await readFile(join(store.path, 'metrics.jsonl'), 'utf8')).toBe(
      '{"step":1,"reward":0.1,"kl":null}\n{"step":2,"reward":0.2,"kl":null}\n',
    );
  });

  it('survives a crash in the middle of a checkpoint and of a line', async () => {
    const store = folder();
    await train(store, 1, 3);
    await store.close();
    const checkpoints = join(store.path, 'checkpoints');
    // As left behind: a folder half-written, one renamed before the pointer flipped, a torn line.
    await mkdir(join(checkpoints, '.4.tmp'));
    await mkdir(join(checkpoints, '4'));
    await appendFile(join(store.path, 'metrics.jsonl'), '{"step":4,"rew');
    expect((await store.readMetrics()).map(({ step }) => step)).toEqual([1, 2, 3]);
    const again = folder();
    expect((await again.resume())?.step).toBe(2);
    await train(again, 3, 4);
    expect(await again.latestCheckpoint()).toEqual({
      step: 4,
      files: { 'model.safetensors': weights(4) },
    });
    expect((await again.readMetrics()).map(({ step }) => step)).toEqual([1, 2, 3, 4]);
  });

  it('is written by one process at a time', async () => {
    const store = folder();
    await train(store, 1, 1);
    await expect(folder().appendMetrics({ step: 2 })).rejects.toThrow(
      'is being written by process',
    );
    expect(await folder().readMetrics()).toHaveLength(1);
    await store.close();
    await folder().appendMetrics({ step: 2 });
  });

  it('takes over the lock of a process that is no more', async () => {
    const store = folder();
    await mkdir(store.path);
    await writeFile(join(store.path, 'lock'), '999999999\n');
    await store.appendMetrics({ step: 1 });
    expect(await store.readMetrics()).toEqual([{ step: 1 }]);
  });

  it('appends in order when not waited for', async () => {
    const store = folder();
    await Promise.all([
      store.appendMetrics({ step: 1 }),
      store.appendEpisodes([{ step: 1 }]),
      store.appendMetrics({ step: 2 }),
    ]);
    expect((await store.readMetrics()).map(({ step }) => step)).toEqual([1, 2]);
  });

  it('names the line that is no JSON', async () => {
    const store = folder();
    await mkdir(store.path);
    await writeFile(join(store.path, 'metrics.jsonl'), '{"step":1}\nhello\n');
    await expect(store.readMetrics()).rejects.toThrow('metrics.jsonl line 2: got "hello"');
  });

  it('says when the pointer leads nowhere', async () => {
    const store = folder();
    await mkdir(join(store.path, 'checkpoints'), { recursive: true });
    await writeFile(join(store.path, 'checkpoints/latest'), '7\n');
    await expect(store.latestCheckpoint()).rejects.toThrow('checkpoints/latest: got 7');
    await writeFile(join(store.path, 'checkpoints/latest'), '../..\n');
    await expect(store.latestCheckpoint()).rejects.toThrow('expected a number of updates');
  });

  it('reports curves and episodes without trusting their text', async () => {
    const store = folder();
    await store.writeRecipe(recipe);
    await train(store, 1, 3);
    await store.appendEpisodes([{ step: 3, text: '<script>alert("x")</script>' }]);
    await store.writeReport();
    const html = await readFile(join(store.path, 'report.html'), 'utf8');
    expect(html).toContain('aria-label="reward: 0.1 to 0.3, last 0.3"');
    expect(html).toContain('d="M0.0 120.0h0L160.0 60.0L320.0 0.0"');
    expect(html).not.toContain('aria-label="kl');
    expect(html).toContain('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;');
    expect(html).not.toContain('<script');
    expect(html).toContain('#/run/1/grpo/0/');
  });

  it('refuses to report on nothing', async () => {
    await expect(folder('nothing').writeReport()).rejects.toThrow(StepSqlError);
  });
});

describe('a run file', () => {
  const zip = (files: Record<string, string>) =>
    zipSync(Object.fromEntries(Object.entries(files).map(([k, text]) => [k, strToU8(text)])));
  const whole = { 'recipe.json': JSON.stringify(recipe) };

  it.each<[string, Record<string, string>, string]>([
    ['no recipe', { 'readme.txt': '' }, 'expected a recipe.json inside'],
    ['a bad recipe', { 'recipe.json': '{"method":"x"}' }, 'method: got "x"'],
    ['a bad line', { ...whole, 'metrics.jsonl': '{}\n' }, 'metrics.jsonl line 1'],
    ['a path out', { ...whole, '../evil': '' }, 'entry name'],
    ['a bad pointer', { ...whole, 'checkpoints/latest': 'x' }, 'checkpoints/latest: got "x"'],
    ['no checkpoint', { ...whole, 'checkpoints/latest': '3' }, 'files under checkpoints/3/'],
    [
      'a nested checkpoint',
      { ...whole, 'checkpoints/latest': '3', 'checkpoints/3/a/b': '' },
      'expected a plain file name',
    ],
  ])('with %s writes nothing', async (_, files, message) => {
    const store = new MemoryRunStore();
    await expect(unpackRun(zip(files), store)).rejects.toThrow(message);
    await expect(unpackRun(zip(files), store)).rejects.toThrow(StepSqlError);
    expect(await store.readRecipe()).toBeUndefined();
  });

  it('has limits, and is a zip', async () => {
    const store = new MemoryRunStore();
    const large = zip({ ...whole, 'metrics.jsonl': '\n'.repeat(100_000) });
    await expect(unpackRun(large, store, { fileBytes: 50_000 })).rejects.toThrow('at most 50000');
    await expect(unpackRun(Uint8Array.of(1, 2, 3), store)).rejects.toThrow(StepSqlError);
    expect(Object.keys(unzipSync(large))).toHaveLength(2);
  });
});
