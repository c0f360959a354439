import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runCommand } from './command.ts';

const root = await mkdtemp(join(tmpdir(), 'stepsql-command-'));
afterAll(() => rm(root, { recursive: true, force: true }));

/** Runs a script in the place of the command line. */
async function run(script: string, stop = new AbortController().signal) {
  const file = join(root, 'cli.mjs');
  await writeFile(file, script);
  const steps: unknown[] = [];
  const onProgress = (...step: unknown[]): void => void steps.push(step);
  const result = await runCommand(['prm', 'x'], { stop, onProgress }, file);
  return { result, steps };
}

describe('runCommand', () => {
  it('gives what the command prints, and tells its progress', async () => {
    const found = await run(`
      process.stderr.write('a note\\n1/2  half');
      process.stderr.write(' way  3s left\\n2/2  done\\n');
      process.stdout.write(JSON.stringify({ argv: process.argv.slice(2) }) + '\\n');
      process.exitCode = 0;
    `);
    expect(found.result).toEqual({ argv: ['--json', 'prm', 'x'] });
    expect(found.steps).toEqual([
      [1, 2, 'half way  3s left'],
      [2, 2, 'done'],
    ]);
  });

  it('throws what the command failed with', async () => {
    const told = { error: { code: 'bad_input', message: 'prm: got 1, expected 2' } };
    const failing = run(`
      process.stderr.write('1/2  x\\n' + ${JSON.stringify(JSON.stringify(told))} + '\\n');
      process.exitCode = 1;
    `);
    await expect(failing).rejects.toMatchObject({ ...told.error, name: 'StepSqlError' });
    await expect(run('throw new Error("odd")')).rejects.toThrow('stepsql prm x ended with 1');
  });

  it('passes a stop on, and says nothing of what was stopped', async () => {
    const stopping = new AbortController();
    const stopped = run(
      `process.once('SIGINT', () => process.exit(130));
       process.stderr.write('1/9  on\\n');
       setTimeout(() => undefined, 60_000);`,
      stopping.signal,
    );
    setTimeout(() => stopping.abort(), 1000);
    expect((await stopped).result).toBeUndefined();
  });
});
