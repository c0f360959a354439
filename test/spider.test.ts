/** Training on real questions: Spider's own files, where they are. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RunFolder } from '../src/node/run-folder.ts';
import { ensureBuilt, sets, spider, stepsql, TINY, TINY_GRPO } from './cli.test-helper.ts';

describe.skipIf(!existsSync(spider))('stepsql train on Spider', () => {
  let folder: string;
  beforeAll(() => {
    ensureBuilt();
    folder = mkdtempSync(join(tmpdir(), 'stepsql-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('imports, samples, executes, rewards and updates', async () => {
    const recipe = sets({ ...TINY, ...TINY_GRPO, 'eval.every': 2, 'eval.tasks': 4 });
    const args = ['train', 'grpo', '--data', spider, ...recipe, '--out', 'run', '--json'];
    const { status, stdout, stderr } = await stepsql(args, { cwd: folder });
    expect(status, stderr).toBe(0);
    expect(stderr).toMatch(
      /\n\d{4} training questions, \d+ left out: prompt too long, \d+ left out: gold returns nothing\n/,
    );
    expect(JSON.parse(stdout)).toMatchObject({ update: 2, finished: true });
    const store = new RunFolder(join(folder, 'run'));
    expect((await store.readRecipe())!.data).toMatchObject({ kind: 'files' });
    const metrics = await store.readMetrics();
    expect(metrics.map(({ step }) => step)).toEqual([0, 1, 2, 2]);
    expect(metrics[1]).toMatchObject({ 'completions/max_length': 8, 'sql/timeout': 0 });
    expect(await store.readEpisodes()).toHaveLength(8);

    const evaluated = ['eval', 'run', '--data', spider, '--questions', '3', '--json'];
    const found = await stepsql(evaluated, { cwd: folder });
    // What was kept from training: other databases.
    expect(JSON.parse(found.stdout)).toMatchObject({ dataset: 'spider/validation', questions: 3 });
  });
});
