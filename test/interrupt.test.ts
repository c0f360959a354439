/** Ctrl-C and going on: the same weights as a run that was never stopped. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ensureBuilt, sets, stepsql, TINY_NURSERY, type Finished } from './cli.test-helper.ts';

let folder: string;
beforeAll(() => {
  ensureBuilt();
  folder = mkdtempSync(join(tmpdir(), 'stepsql-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs `stepsql` and sends Ctrl-C once `line` has been told. */
function interrupted(args: readonly string[], line: string): Promise<Finished> {
  let signalled = false;
  return stepsql(args, {
    cwd: folder,
    watch: (stderr, kill) => {
      if (signalled || !stderr.includes(line)) return;
      signalled = true;
      kill('SIGINT');
    },
  });
}

interface Ended {
  update: number;
  finished: boolean;
  fingerprint: string;
}

it.skipIf(process.platform === 'win32')(
  'saves at the first Ctrl-C, exits with 130, and resumes bit for bit',
  async () => {
    const updates = 80; // so many that the signal comes in time on a busy machine
    const recipe = sets({
      ...TINY_NURSERY,
      'sft.num_updates': updates,
      'sft.batch_size': 4,
      checkpoint_every: 1000,
    });
    const common = ['train', 'sft', ...recipe, '--backend', 'wasm', '--json'];
    const ended = ({ stdout }: { stdout: string }): Ended => JSON.parse(stdout) as Ended;

    const stopped = await interrupted([...common, '--out', 'stopped'], `\n1/${updates}`);
    expect(stopped.status).toBe(130);
    expect(stopped.stderr).toContain('Finishing this step, then saving.');
    const { update, finished } = ended(stopped);
    expect(finished).toBe(false);
    expect(update).toBeGreaterThanOrEqual(1);
    expect(update).toBeLessThan(updates);

    const resumed = await stepsql(['train', 'stopped', '--resume', '--json'], { cwd: folder });
    expect(resumed.status).toBe(0);
    expect(resumed.stderr).toContain(`resumed after update ${update}\n`);
    const whole = await stepsql([...common, '--out', 'whole'], { cwd: folder });
    expect(ended(resumed)).toMatchObject({ update: updates, finished: true });
    expect(ended(resumed).fingerprint).toBe(ended(whole).fingerprint);
    const weights = (run: string): Buffer =>
      readFileSync(join(folder, run, `checkpoints/${updates}/model.safetensors`));
    expect(weights('stopped').equals(weights('whole'))).toBe(true);
  },
);

it.skipIf(process.platform === 'win32')(
  'goes on with a warm start from where it was stopped, and leaves the checkpoint alone',
  async () => {
    const common = ['warm-start', '--kind', 'cocte', '--base-only', '--updates', '42']; // 25 on gold
    const to = (out: string): string[] => [...common, '--backend', 'wasm', '--out', out];
    const stopped = await interrupted(to('stopped-base'), '\n10/25');
    expect(stopped.status).toBe(130);
    const [, update] = /Stopped after update (\d+): the same command goes on/.exec(stopped.stderr)!;
    expect(Number(update)).toBeLessThan(25);
    const again = await stepsql(to('stopped-base'), { cwd: folder });
    expect(again.stderr).toContain(`goes on after update ${update}\n`);
    await stepsql([...to('whole-base'), '--work', 'work'], { cwd: folder });
    const weights = (out: string): Buffer => readFileSync(join(folder, out, 'model.safetensors'));
    expect(weights('stopped-base').equals(weights('whole-base'))).toBe(true);
    expect(existsSync(join(folder, 'work'))).toBe(false);
    expect(readdirSync(join(folder, 'runs'))).toEqual([]);
  },
  120_000,
);
